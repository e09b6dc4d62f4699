//! Sentences for people in the languages that supervisors speak: one table for each language, with equal keys. A text
//! with several forms, parted by `|`, has them by the number in it.

mod en;
mod kk;
mod ru;

use clap::ValueEnum;

/// A language that sentences are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// English.
    En,
    /// Russian.
    Ru,
    /// Kazakh.
    Kk,
}

macro_rules! keys {
    ($($key:ident,)*) => {
        /// What can be said.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Key { $($key,)* }

        #[cfg(test)]
        impl Key {
            /// All there are.
            pub(crate) const ALL: &[Key] = &[$(Key::$key,)*];
        }
    };
}

keys! {
    WaitsForCustomer, RestsForCustomer, WantedAgain, ParkedForUrgent, ReplyDue, ReplyLate,
    ContactWaits, ContactLater, ContactRings, ContactHandled, ContactWrapUp, ContactOver, ContactUnknown,
    EndCompleted, EndAbandoned, EndMerged, EndOperatorLost, EndClosed, EndCallBack, EndVoicemail, EndMessage, EndConsultOver,
    EndUnknown, NobodyFits, NobodyFitsYet, First, Ahead, AwaitsAnswer, HeldFor, Tier, Promoted, PromoteNext, EntryRule, NoEntryRule,
    HeadStart, NoLadder, Step, StepNext, StepLast, KeptHead, KeptUnlisted, KeptUnknown, KeptSkill, KeptLevel,
    KeptLanguage, KeptPrincipal, KeptChannel, KeptBot, KeptReach, KeptRank, KeptNotSignedIn, KeptStreamLost, KeptNotReady,
    KeptMissed, KeptOnBreak, KeptBreakDue, KeptShiftEnds, KeptResting, KeptNoRoom, KeptCap, KeptQueueCap, KeptReserved, KeptKeptAway,
    KeptHeldForAnother, KeptHandedOut, KeptNotDue, KeptCustomerSilent, KeptNotWaiting, KeptNothing, NeverGiven, NotRecorded, DecisionHead,
    DecisionBefore, GivenTo, SideLongestIdle, SideLeastOccupied, SideMostSkilled, SideRoundRobin, SideOperator,
    SideHeld, SideTaken, SideLifeSafety, SideCompanion, SideRecalled, SideUnknown, Idle, OwnQueue, OtherQueue, DecisionPlace, Fitted, NotCounted,
    OperatorFree, OperatorKept, Load, NoLines, IsUnknown, IsSkill, IsLevel, IsLanguage, IsPrincipal, IsChannel,
    IsBot, IsReach, IsRank, IsNotSignedIn, IsStreamLost, IsNotReady, IsMissed, IsOnBreak, IsBreakDue, IsShiftEnds, IsResting,
    IsNoRoom, IsCap, IsQueueCap, IsReserved, IsKeptAway, IsHeldForAnother, IsHandedOut, IsNotDue, IsCustomerSilent, IsNotWaiting, IsNothing, ColumnQueue,
    ColumnInLine, ColumnWhy, Stamp, StampOld, StampStale, Days, Hours, Minutes, Seconds, Milliseconds,
}

/// Keys with their texts.
type Table = &'static [(Key, &'static str)];

impl Language {
    /// The language wanted, else that of the environment (`LANG`), else English.
    #[must_use]
    pub fn or_of_environment(wanted: Option<Language>) -> Language {
        wanted.unwrap_or_else(|| Language::of_locale(&std::env::var("LANG").unwrap_or_default()))
    }

    /// The language of a locale like `ru_RU.UTF-8`; English where it is none of ours.
    fn of_locale(locale: &str) -> Language {
        match locale.split(['_', '.', '-', '@']).next() {
            Some("ru") => Language::Ru,
            Some("kk") => Language::Kk,
            Some(_) | None => Language::En,
        }
    }

    fn table(self) -> Table {
        match self {
            Language::En => en::TABLE,
            Language::Ru => ru::TABLE,
            Language::Kk => kk::TABLE,
        }
    }

    /// A text as it stands in the table.
    pub(crate) fn text(self, key: Key) -> &'static str {
        self.table().iter().find(|entry| entry.0 == key).map_or("", |entry| entry.1)
    }

    /// A sentence with its values.
    pub(crate) fn say(self, key: Key, values: &[(&str, &dyn std::fmt::Display)]) -> String {
        fill(self.text(key), values)
    }

    /// A sentence in the form for a number, which it knows as `n`.
    pub(crate) fn count(self, key: Key, n: u64, values: &[(&str, &dyn std::fmt::Display)]) -> String {
        let forms: Vec<&str> = self.text(key).split('|').collect();
        let form = forms[self.form(n).min(forms.len() - 1)];
        fill(form, &[&[("n", &n as &dyn std::fmt::Display)], values].concat())
    }

    /// Which form a number takes: the plural rules of Unicode CLDR for whole numbers. Kazakh has one form behind a
    /// number.
    fn form(self, n: u64) -> usize {
        match self {
            Language::En => usize::from(n != 1),
            Language::Ru => match (n % 10, n % 100) {
                (_, 11..=14) => 2,
                (1, _) => 0,
                (2..=4, _) => 1,
                _ => 2,
            },
            Language::Kk => 0,
        }
    }

    /// A span in its two greatest units.
    pub(crate) fn span(self, ms: u64) -> String {
        if ms < 1_000 {
            return self.count(Key::Milliseconds, ms, &[]);
        }
        let seconds = ms / 1_000;
        let parts = [
            (Key::Days, seconds / 86_400),
            (Key::Hours, seconds / 3_600 % 24),
            (Key::Minutes, seconds / 60 % 60),
            (Key::Seconds, seconds % 60),
        ];
        let first = parts.iter().position(|part| part.1 > 0).unwrap_or(parts.len() - 1);
        let shown = parts[first..].iter().take(2).filter(|part| part.1 > 0);
        shown.map(|&(unit, n)| self.count(unit, n, &[])).collect::<Vec<_>>().join(" ")
    }
}

fn fill(text: &str, values: &[(&str, &dyn std::fmt::Display)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        filled.push_str(before);
        if let Some((_, value)) = values.iter().find(|value| value.0 == name) {
            filled.push_str(&value.to_string());
        }
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const LANGUAGES: [Language; 3] = [Language::En, Language::Ru, Language::Kk];

    fn places(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect()
    }

    #[test]
    fn every_language_has_every_key_once_and_in_order() {
        for language in LANGUAGES {
            let keys: Vec<Key> = language.table().iter().map(|entry| entry.0).collect();
            assert_eq!(keys, Key::ALL, "{language:?}");
            assert!(language.table().iter().all(|entry| !entry.1.trim().is_empty()), "{language:?}");
        }
    }

    #[test]
    fn every_text_has_the_same_values_in_every_language_and_form() {
        for &key in Key::ALL {
            let english = places(Language::En.text(key));
            for language in LANGUAGES {
                for form in language.text(key).split('|') {
                    assert_eq!(places(form), english, "{language:?} {key:?}");
                }
            }
        }
    }

    #[test]
    fn a_text_has_one_form_or_all_forms_of_its_language() {
        for language in LANGUAGES {
            let forms: BTreeSet<usize> = (0..200).map(|n| language.form(n)).collect();
            for &(key, text) in language.table() {
                let count = text.split('|').count();
                assert!(count == 1 || count == forms.len(), "{language:?} {key:?}: {count} forms");
            }
        }
    }

    #[test]
    fn numbers_take_their_forms() {
        let ahead = |language: Language, n| language.count(Key::Ahead, n, &[]);
        assert_eq!(ahead(Language::En, 1), "1 contact stands before it.");
        assert_eq!(ahead(Language::En, 2), "2 contacts stand before it.");
        for (n, start) in [
            (1, "Перед ним 1 контакт."),
            (3, "Перед ним 3 контакта."),
            (5, "Перед ним 5 контактов."),
            (11, "Перед ним 11 контактов."),
            (21, "Перед ним 21 контакт."),
            (112, "Перед ним 112 контактов."),
        ] {
            assert_eq!(ahead(Language::Ru, n), start);
        }
        assert_eq!(ahead(Language::Kk, 5), "Оның алдында 5 контакт тұр.");
    }

    #[test]
    fn spans_have_two_units_at_most() {
        assert_eq!(Language::En.span(340), "340 ms");
        assert_eq!(Language::En.span(125_400), "2 min 5 s");
        assert_eq!(Language::Ru.span(3_600_000), "1 ч");
        assert_eq!(Language::Kk.span(90_061_000), "1 күн 1 сағ");
    }

    #[test]
    fn the_locale_says_the_language_and_a_stranger_gets_english() {
        let languages = ["ru_RU.UTF-8", "kk_KZ", "kk", "C.UTF-8", ""].map(Language::of_locale);
        assert_eq!(languages, [Language::Ru, Language::Kk, Language::Kk, Language::En, Language::En]);
    }
}
