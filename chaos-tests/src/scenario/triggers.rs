//! Triggers in scenarios.

use anyhow::{Context, Result, bail};
use ringmain_routing::Millis;
use ringmain_routing::rules::{GroupRank, Measure, Trigger};

use super::words::{Words, quoted};
use super::write::optional;

pub(super) fn trigger(words: &Words) -> Result<Trigger> {
    let (on, off): (u64, u64) = (words.number("on")?, words.number("off")?);
    let measure = match words.text("measure") {
        Some("waiting") => Measure::Waiting { on: u32::try_from(on)?, off: u32::try_from(off)? },
        Some("longest-wait") => Measure::LongestWait { on: Millis(on), off: Millis(off) },
        Some("expected-wait") => Measure::ExpectedWait { on: Millis(on), off: Millis(off) },
        Some("service-level") => Measure::ServiceLevel { on: u8::try_from(on)?, off: u8::try_from(off)? },
        other => bail!("measure={other:?}: waiting, longest-wait, expected-wait or service-level"),
    };
    Ok(Trigger {
        name: words.plain(1)?.into(),
        queue: words.name("queue")?,
        measure,
        every: Millis(words.number("every")?),
        calm: Millis(words.optional("calm")?.unwrap_or(0)),
        step: words.optional("step")?,
        ranks: Vec::new(),
    })
}

/// A rank that the trigger in the line before changes.
pub(super) fn add_rank(triggers: &mut [Trigger], words: &Words) -> Result<()> {
    let trigger = triggers.last_mut().context("a shifted rank stands behind its trigger")?;
    trigger.ranks.push(GroupRank {
        queue: words.plain(1)?.into(),
        unit: words.text("unit").map(Into::into),
        skill: words.text("skill").map(Into::into),
        rank: words.number("rank")?,
    });
    Ok(())
}

/// The lines of a plan about triggers.
pub(super) fn lines(triggers: &[Trigger]) -> Vec<String> {
    triggers.iter().flat_map(of_trigger).collect()
}

fn of_trigger(trigger: &Trigger) -> Vec<String> {
    let (measure, on, off) = match trigger.measure {
        Measure::Waiting { on, off } => ("waiting", u64::from(on), u64::from(off)),
        Measure::LongestWait { on, off } => ("longest-wait", on.0, off.0),
        Measure::ExpectedWait { on, off } => ("expected-wait", on.0, off.0),
        Measure::ServiceLevel { on, off } => ("service-level", u64::from(on), u64::from(off)),
    };
    let (name, queue) = (quoted(&trigger.name), quoted(&trigger.queue));
    let first =
        format!("trigger {name} queue={queue} measure={measure} on={on} off={off} every={}", trigger.every.0)
            + &optional("calm", (trigger.calm.0 > 0).then_some(trigger.calm.0))
            + &optional("step", trigger.step);
    let ranks = trigger.ranks.iter().map(|shift| {
        format!("shifted-rank {} rank={}", quoted(&shift.queue), shift.rank)
            + &optional("unit", shift.unit.as_ref())
            + &optional("skill", shift.skill.as_ref())
    });
    std::iter::once(first).chain(ranks).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{read, write};

    #[test]
    fn triggers_are_read_and_written_back() {
        let text = "\
at 1 plan version=1
  skill kazakh
  unit north
  queue calls answer=automatic wrap-up=0 wrap-up-max=0 orphan=requeue waiting-max=9 target=1:80
  trigger storm queue=calls measure=longest-wait on=9 off=5 every=1000 calm=7 step=1
  shifted-rank calls rank=3 unit=north skill=kazakh
  trigger level queue=calls measure=service-level on=70 off=90 every=1000
  sessions grace=1 missed=1 exclusion=1 key-window=1
";
        let scenario = read(text).expect("it is a scenario");
        let written = write(&scenario);
        assert_eq!(read(&written).expect("it is read again").entries, scenario.entries);
        for part in ["measure=longest-wait on=9", "shifted-rank calls rank=3 unit=north skill=kazakh"] {
            assert!(written.contains(part), "{written}");
        }
    }
}
