//! The days of five centres, for generated workloads and the demo. Format: docs and `ringmain workload generate`.

/// A centre's day, built into the binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name to ask for it by.
    pub name: &'static str,
    /// The profile, JSON.
    pub json: &'static str,
    /// The centre's routing plan, TOML.
    pub plan: &'static str,
}

/// Rosseti Siberia: 520 contacts a day, ten seats by day, automatic answer.
pub const ROSSETI_SIBERIA: Profile = Profile {
    name: "rosseti_siberia",
    json: include_str!("../profiles/rosseti_siberia.json"),
    plan: include_str!("../samples/plans/rosseti_siberia.toml"),
};
/// Uralenergosbyt: all channels in one queue, kiosks and call-backs.
pub const URALENERGOSBYT: Profile = Profile {
    name: "uralenergosbyt",
    json: include_str!("../profiles/uralenergosbyt.json"),
    plan: include_str!("../samples/plans/uralenergosbyt.toml"),
};
/// Beeline Kazakhstan: digital channels in two languages behind a bot.
pub const BEELINE_KZ: Profile = Profile {
    name: "beeline_kz",
    json: include_str!("../profiles/beeline_kz.json"),
    plan: include_str!("../samples/plans/beeline_kz.toml"),
};
/// EnergosbyT Plus: cases of thirteen branches.
pub const ENERGOSBYT_PLUS: Profile = Profile {
    name: "energosbyt_plus",
    json: include_str!("../profiles/energosbyt_plus.json"),
    plan: include_str!("../samples/plans/energosbyt_plus.toml"),
};
/// A national mass outage: 240,000 calls in its first hour.
pub const NATIONAL_OUTAGE: Profile = Profile {
    name: "national_outage",
    json: include_str!("../profiles/national_outage.json"),
    plan: include_str!("../samples/plans/national_outage.toml"),
};

/// All of them.
pub const ALL: [Profile; 5] = [ROSSETI_SIBERIA, URALENERGOSBYT, BEELINE_KZ, ENERGOSBYT_PLUS, NATIONAL_OUTAGE];

/// The profile of that name; `-` and `_` are the same.
#[must_use]
pub fn named(name: &str) -> Option<Profile> {
    let name = name.replace('-', "_");
    ALL.into_iter().find(|profile| profile.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_is_json_with_classes_and_operators() {
        for profile in ALL {
            let day: serde_json::Value = serde_json::from_str(profile.json).expect(profile.name);
            assert!(day["classes"].as_array().is_some_and(|classes| !classes.is_empty()), "{}", profile.name);
            assert!(day["operators"].as_array().is_some_and(|groups| !groups.is_empty()), "{}", profile.name);
        }
    }

    #[test]
    fn a_profile_is_found_by_name_with_either_dash() {
        assert_eq!(named("rosseti-siberia"), Some(ROSSETI_SIBERIA));
        assert_eq!(named("atlantis"), None);
    }
}
