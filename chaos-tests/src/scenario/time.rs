//! The operators' time in scenarios: breaks, rest, shifts.

use anyhow::Result;
use ringmain_routing::command::AskForBreak;
use ringmain_routing::effect::BreakAnswer;
use ringmain_routing::rules::{BreakRule, OperatorRules, PlanRules, RestRule};
use ringmain_routing::{Epoch, Millis};

use super::rule_book::names;
use super::words::{Words, quoted};
use super::write::{flag, optional};

pub(super) fn break_rule(words: &Words) -> Result<BreakRule> {
    Ok(BreakRule {
        name: words.plain(1)?.into(),
        reason: words.number("reason")?,
        every: Millis(words.number("every")?),
        length: Millis(words.number("length")?),
        defer_max: Millis(words.number("defer")?),
        away_percent_max: words.number("away")?,
        alone: words.has("alone"),
        on_request: words.has("on-request"),
        returns: words.has("returns"),
    })
}

pub(super) fn rest_rule(words: &Words) -> Result<RestRule> {
    Ok(RestRule { window: Millis(words.number("window")?), busy_percent_max: words.number("busy")? })
}

/// The lines of a plan about breaks and rest.
pub(super) fn lines(rules: &PlanRules) -> Vec<String> {
    let breaks = rules.breaks.iter().map(|rule| {
        let spans = format!(
            "reason={} every={} length={} defer={} away={}",
            rule.reason, rule.every.0, rule.length.0, rule.defer_max.0, rule.away_percent_max
        );
        let flags = flag("alone", rule.alone) + &flag("on-request", rule.on_request);
        format!("break {} {spans}{flags}{}", quoted(&rule.name), flag("returns", rule.returns))
    });
    let rest = rules.rest.map(|rest| format!("rest window={} busy={}", rest.window.0, rest.busy_percent_max));
    breaks.chain(rest).collect()
}

/// An operator's rules with those of its time.
pub(super) fn operator_rules(rules: OperatorRules, words: &Words) -> OperatorRules {
    let shift = words.text("shift").map(Into::into);
    OperatorRules { breaks: words.names("breaks"), shift, rests: words.has("rests"), ..rules }
}

pub(super) fn write_operator_rules(rules: &OperatorRules) -> String {
    names("breaks", &rules.breaks) + &optional("shift", rules.shift.as_ref()) + &flag("rests", rules.rests)
}

pub(super) fn ask_for_break(words: &Words) -> Result<AskForBreak> {
    Ok(AskForBreak {
        operator: words.plain(1)?.parse()?,
        epoch: Epoch(words.number("epoch")?),
        seq: words.number("seq")?,
        name: words.name("name")?,
    })
}

pub(super) fn write_ask(command: &AskForBreak) -> String {
    let AskForBreak { operator, epoch, seq, name } = command;
    format!("ask-for-break {operator} epoch={epoch} seq={seq} name={}", quoted(name))
}

pub(super) fn write_answer(answer: BreakAnswer) -> String {
    match answer {
        BreakAnswer::Begun { until } => format!("break until {}", until.0),
        BreakAnswer::WhenFree => "break when-free".to_owned(),
        BreakAnswer::WhenOthersReturn => "break when-others-return".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{read, write};

    #[test]
    fn what_a_scenario_says_of_time_is_read_and_written_back() {
        let text = "\
at 1 plan version=1
  break short reason=11 every=500 length=50 defer=100 away=20 alone returns
  break smoke reason=12 every=0 length=50 defer=0 away=0 on-request
  rest window=60000 busy=85
  sessions grace=1 missed=1 exclusion=1 key-window=1
at 2 put-operators
  operator anna capacity=1 breaks=short,smoke shift=day rests
at 3 ask-for-break o0.0 epoch=1 seq=2 name=smoke
at 4 act defer-breaks on by=olga key=k
";
        let scenario = read(text).expect("it is a scenario");
        let written = write(&scenario);
        assert_eq!(read(&written).expect("it is read again").entries, scenario.entries);
        for part in
            ["break short reason=11", "rest window=60000 busy=85", "shift=day rests", "defer-breaks on"]
        {
            assert!(written.contains(part), "{written}");
        }
    }
}
