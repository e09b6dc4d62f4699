//! Rules of enquiries between their two forms.

use ringmain_routing::rules::{Addressee, EnquiryRule};
use ringmain_routing::{Millis, Name};

use super::super::{problem, text};
use crate::v1::{self, FieldProblem};

pub(super) fn to_message(rule: &EnquiryRule) -> v1::EnquiryRule {
    let addressees = rule.addressees.iter().map(|addressee| v1::Addressee {
        name: text(&addressee.name),
        term_ms: addressee.term.0,
        calendar: addressee.calendar.as_ref().map(text),
    });
    v1::EnquiryRule {
        keep_for_ms: rule.keep_for.0,
        remind_percent: rule.remind_percent.into(),
        addressees: addressees.collect(),
    }
}

pub(super) fn from_message(rule: v1::EnquiryRule, problems: &mut Vec<FieldProblem>) -> EnquiryRule {
    let remind_percent = u8::try_from(rule.remind_percent).unwrap_or_else(|_| {
        problems.push(problem("plan.rules.enquiries.remind_percent", "say 0 to 99; 0 for no reminder"));
        0
    });
    let addressees = rule.addressees.into_iter().map(|addressee| Addressee {
        name: addressee.name.into(),
        term: Millis(addressee.term_ms),
        calendar: addressee.calendar.map(Name::from),
    });
    EnquiryRule { keep_for: Millis(rule.keep_for_ms), remind_percent, addressees: addressees.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_is_the_same_after_the_way_there_and_back() {
        let named = |name: &str, calendar: Option<&str>| Addressee {
            name: name.into(),
            term: Millis(7),
            calendar: calendar.map(Name::from),
        };
        let addressees = vec![named("dispatcher", None), named("foreman", Some("day"))];
        let rule = EnquiryRule { keep_for: Millis(9), remind_percent: 75, addressees };
        let mut problems = Vec::new();
        assert_eq!(from_message(to_message(&rule), &mut problems), rule);
        let wrong = v1::EnquiryRule { remind_percent: 300, ..to_message(&rule) };
        drop(from_message(wrong, &mut problems));
        assert_eq!(problems[0].field, "plan.rules.enquiries.remind_percent");
    }
}
