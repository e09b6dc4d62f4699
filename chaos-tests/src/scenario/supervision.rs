//! Supervisors beside talks, and requests for help, in scenarios.

use anyhow::{Result, bail};
use ringmain_routing::command::{Action, AskForHelp};
use ringmain_routing::{Effect, SupervisedBy};

use super::read::epoch;
use super::words::{Words, quoted};
use super::write::optional;

pub(super) fn ask_for_help(words: &Words) -> Result<AskForHelp> {
    Ok(AskForHelp {
        operator: words.plain(1)?.parse()?,
        epoch: epoch(words)?,
        seq: words.number("seq")?,
        contact: words.optional("contact")?,
        on: words.has("on"),
    })
}

pub(super) fn write_ask_for_help(command: &AskForHelp) -> String {
    let AskForHelp { operator, epoch, seq, contact, on } = command;
    let word = if *on { "on" } else { "off" };
    format!("ask-for-help {operator} epoch={epoch} seq={seq}{} {word}", optional("contact", *contact))
}

pub(super) fn supervise(words: &Words) -> Result<Action> {
    let how = match words.text("how") {
        Some("listen") => Some(SupervisedBy::Listening),
        Some("whisper") => Some(SupervisedBy::Whispering),
        Some("barge") => Some(SupervisedBy::Barging),
        None => None,
        Some(other) => bail!("how={other}: listen, whisper or barge"),
    };
    Ok(Action::Supervise { contact: words.plain(2)?.parse()?, how })
}

/// An action of supervision; of any other nothing.
pub(super) fn write_action(action: &Action) -> String {
    if let Action::AnswerHelp { login } = action {
        return format!("answer-help {}", quoted(login));
    }
    let Action::Supervise { contact, how } = action else { return String::new() };
    format!("supervise {contact}{}", optional("how", how.map(word)))
}

fn word(how: SupervisedBy) -> &'static str {
    match how {
        SupervisedBy::Listening => "listen",
        SupervisedBy::Whispering => "whisper",
        SupervisedBy::Barging => "barge",
    }
}

/// What is told of supervision; of any other effect nothing.
pub(super) fn effect(effect: &Effect) -> String {
    if let Effect::SuperviseContact { contact, gateway, assignment, seat, how, on } = *effect {
        let how = word(how);
        return format!("supervise {contact} assignment={assignment} seat={seat} {how} on={on} ({gateway})");
    }
    let Effect::AnnounceHelp { operator, of, contact, on } = *effect else { return String::new() };
    format!("help of {of} on={on}{} ({operator})", optional("about", contact))
}

#[cfg(test)]
mod tests {
    use super::super::{read, write};

    #[test]
    fn supervision_is_read_and_written_back() {
        let text = "\
at 1 plan version=1
  queue calls answer=automatic wrap-up=0 wrap-up-max=0 orphan=requeue waiting-max=9 target=1:80
  sessions grace=1 missed=1 exclusion=1 key-window=1
at 2 ask-for-help o2.0 epoch=1 seq=3 contact=c1.0 on
at 3 ask-for-help o2.0 epoch=1 seq=4 off
at 4 act supervise c1.0 how=whisper by=vera key=1
at 5 act supervise c1.0 by=vera key=2
at 6 act answer-help \"anna k\" by=vera key=3
";
        let scenario = read(text).expect("it is a scenario");
        let written = write(&scenario);
        assert_eq!(read(&written).expect("it is read again").entries, scenario.entries);
        for part in ["seq=3 contact=c1.0 on", "supervise c1.0 how=whisper", "answer-help \"anna k\""] {
            assert!(written.contains(part), "{written}");
        }
    }
}
