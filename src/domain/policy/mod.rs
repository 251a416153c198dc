//! What the operator decides: from which day on silence counts, what may be held without use, how many
//! seats are kept in reserve.

mod ladder;
mod pattern;

use std::collections::{BTreeMap, BTreeSet};

use super::ids::SkuId;
use super::license_class::LicenseClass;
use super::sync_run::Dataset;

pub use ladder::{Bundle, Ladder, Step};
pub use pattern::{InvalidPattern, PATTERN_CHARACTERS_MAX, Pattern};

/// The most entries of each list.
pub const ENTRIES_MAX: usize = 1_000;

/// The longest time that may be asked of a report: Microsoft's reach 180 days back, and further back
/// absence from them means nothing.
pub const REPORTED_DAYS_MAX: u32 = 180;

/// The longest time of anything else, in days.
pub const DAYS_MAX: u32 = 3_650;

/// The most seats that are kept in reserve or planned for.
pub const SEATS_MAX: u32 = 10_000_000;

/// What the rules judge by; all of it holds together, the default too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy(PolicySettings);

/// A [`Policy`] as it is written. The default is what an operator gets who says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySettings {
    /// Whoever shows no activity for so many days is no longer active. 90.
    pub inactive_after_days: u32,
    /// Who came, or got a license, so many days ago or less is not judged by silence. 30.
    pub grace_days: u32,
    /// For so many days after it was disabled, an account may keep its licenses. 0.
    pub disabled_grace_days: u32,
    /// A Copilot license without use for so many days is unused. 30.
    pub copilot_unused_after_days: u32,
    /// A Copilot license is judged once it is held for so many days. 14.
    pub copilot_held_days: u32,
    /// Who uses Copilot in fewer applications uses it little. 2.
    pub copilot_apps_min: u32,
    /// An add-on without use for so many days is unused. 90.
    pub addon_unused_after_days: u32,
    /// Up to this share of a smaller license's room, in percent, somebody's data is said to fit. 80.
    pub headroom_percent: u32,
    /// Seats that are kept in reserve of each license, at least. 2.
    pub buffer_seats_min: u32,
    /// Seats that are kept in reserve, in percent of those needed, rounded up. 3.
    pub buffer_percent: u32,
    /// Seats that people who are about to come will need. None.
    pub planned_hires: BTreeMap<SkuId, u32>,
    /// How old what a rule rests on may be.
    pub freshness: Freshness,
    /// So many days before a purchase changes its state, it is told. 120.
    pub subscription_change_days: u32,
    /// So many days before a trial ends, it is told. 30.
    pub trial_ending_days: u32,
    /// How long it is told that a seat was saved. 365.
    pub realized_days: u32,
    /// Part numbers of licenses that rooms, devices and answering machines may hold.
    pub resource_licenses: Vec<Pattern>,
    /// Accounts that are no person's, beside those of which Microsoft says so. None.
    pub shared_accounts: Vec<Pattern>,
    /// Accounts with rights of an administrator: what they show by silence is reviewed, not reclaimed.
    pub privileged_accounts: Vec<Pattern>,
    /// The steps down that are looked at.
    pub ladders: Vec<Ladder>,
    /// Bundles that may replace their parts. None.
    pub bundles: Vec<Bundle>,
    /// Nobody needs the security, compliance, voice and Power BI of E5 and A5, the operator declares.
    /// Microsoft reports no use of them.
    pub premium_is_not_needed: bool,
    /// What licenses are to whoever pays, where the operator knows better.
    pub classes: BTreeMap<SkuId, LicenseClass>,
}

/// How old what a rule rests on may be, in days, before its silence says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// Usage reports; Microsoft is a day or two late. 7.
    pub reports_days: u32,
    /// Those of Microsoft 365 Apps, which are later. 14.
    pub apps_days: u32,
    /// That of Copilot. 7.
    pub copilot_days: u32,
    /// What the directory says of sign-ins. 7.
    pub sign_ins_days: u32,
}

impl Default for Freshness {
    fn default() -> Self {
        Self {
            reports_days: 7,
            apps_days: 14,
            copilot_days: 7,
            sign_ins_days: 7,
        }
    }
}

impl Freshness {
    /// How old a dataset may be.
    pub fn days_max(&self, dataset: Dataset) -> u32 {
        match dataset {
            Dataset::AppsUsage | Dataset::AppsActivations => self.apps_days,
            Dataset::CopilotUsage => self.copilot_days,
            Dataset::SignInActivity => self.sign_ins_days,
            _ => self.reports_days,
        }
    }
}

impl Default for PolicySettings {
    fn default() -> Self {
        Self {
            inactive_after_days: 90,
            grace_days: 30,
            disabled_grace_days: 0,
            copilot_unused_after_days: 30,
            copilot_held_days: 14,
            copilot_apps_min: 2,
            addon_unused_after_days: 90,
            headroom_percent: 80,
            buffer_seats_min: 2,
            buffer_percent: 3,
            planned_hires: BTreeMap::new(),
            freshness: Freshness::default(),
            subscription_change_days: 120,
            trial_ending_days: 30,
            realized_days: 365,
            resource_licenses: patterns(&[
                "PHONESYSTEM_VIRTUALUSER*",
                "MICROSOFT_TEAMS_ROOMS_*",
                "MEETING_ROOM*",
                "MTR_PREM*",
                "MCOCAP*",
            ]),
            shared_accounts: Vec::new(),
            privileged_accounts: patterns(&["adm-*", "admin-*", "*-adm", "*-admin"]),
            ladders: ladder::usual_ladders(),
            bundles: Vec::new(),
            premium_is_not_needed: false,
            classes: BTreeMap::new(),
        }
    }
}

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    let patterns = texts.iter().filter_map(|text| Pattern::parse(text).ok());
    patterns.collect()
}

/// Why settings are no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// A number is out of its range.
    #[error("{name} is {min} to {max}, not {value}")]
    OutOfRange {
        /// Of the field of [`PolicySettings`].
        name: &'static str,
        /// What it is.
        value: u32,
        /// The least it may be.
        min: u32,
        /// The most it may be.
        max: u32,
    },
    /// A list is too long.
    #[error("{name} has {count} entries, more than {ENTRIES_MAX}")]
    TooMany {
        /// Of the field of [`PolicySettings`].
        name: &'static str,
        /// How many there are.
        count: usize,
    },
    /// A step down that leads nowhere.
    #[error("a step down leads from one part number to another, not from \"{from}\" to \"{to}\"")]
    Ladder {
        /// From where.
        from: String,
        /// To where.
        to: String,
    },
    /// A bundle that is none.
    #[error(
        "the bundle \"{whole}\" replaces two or more part numbers, each named once and none itself"
    )]
    Bundle {
        /// The part number of the whole.
        whole: String,
    },
}

impl Policy {
    /// Checks settings.
    pub fn new(settings: PolicySettings) -> Result<Self, InvalidPolicy> {
        settings.check_days()?;
        settings.check_seats()?;
        settings.check_lists()?;
        settings.ladders.iter().try_for_each(check_ladder)?;
        settings.bundles.iter().try_for_each(check_bundle)?;
        Ok(Self(settings))
    }

    /// What it says.
    pub fn settings(&self) -> &PolicySettings {
        &self.0
    }
}

impl PolicySettings {
    /// The seats of a license that are kept in reserve when so many are needed.
    pub fn buffer_seats(&self, needed: u32) -> u32 {
        let share = (u64::from(needed) * u64::from(self.buffer_percent)).div_ceil(100);
        let share = u32::try_from(share).unwrap_or(u32::MAX);
        share.max(self.buffer_seats_min)
    }

    fn check_days(&self) -> Result<(), InvalidPolicy> {
        let reported = 1..=REPORTED_DAYS_MAX;
        let any = 0..=DAYS_MAX;
        let age = 1..=DAYS_MAX;
        check("inactive_after_days", self.inactive_after_days, &reported)?;
        check(
            "copilot_unused_after_days",
            self.copilot_unused_after_days,
            &reported,
        )?;
        check(
            "addon_unused_after_days",
            self.addon_unused_after_days,
            &reported,
        )?;
        check("grace_days", self.grace_days, &any)?;
        check("disabled_grace_days", self.disabled_grace_days, &any)?;
        check("copilot_held_days", self.copilot_held_days, &any)?;
        check(
            "subscription_change_days",
            self.subscription_change_days,
            &any,
        )?;
        check("trial_ending_days", self.trial_ending_days, &any)?;
        check("realized_days", self.realized_days, &any)?;
        let Freshness {
            reports_days,
            apps_days,
            copilot_days,
            sign_ins_days,
        } = self.freshness;
        check("freshness.reports_days", reports_days, &age)?;
        check("freshness.apps_days", apps_days, &age)?;
        check("freshness.copilot_days", copilot_days, &age)?;
        check("freshness.sign_ins_days", sign_ins_days, &age)
    }

    fn check_seats(&self) -> Result<(), InvalidPolicy> {
        check("headroom_percent", self.headroom_percent, &(1..=100))?;
        check("buffer_percent", self.buffer_percent, &(0..=100))?;
        check("copilot_apps_min", self.copilot_apps_min, &(1..=8))?;
        check("buffer_seats_min", self.buffer_seats_min, &(0..=SEATS_MAX))?;
        let mut hires = self.planned_hires.values();
        hires.try_for_each(|hires| check("planned_hires", *hires, &(0..=SEATS_MAX)))
    }

    fn check_lists(&self) -> Result<(), InvalidPolicy> {
        let lists = [
            ("planned_hires", self.planned_hires.len()),
            ("resource_licenses", self.resource_licenses.len()),
            ("shared_accounts", self.shared_accounts.len()),
            ("privileged_accounts", self.privileged_accounts.len()),
            ("ladders", self.ladders.len()),
            ("bundles", self.bundles.len()),
            ("classes", self.classes.len()),
        ];
        let too_long = lists.into_iter().find(|(_, count)| *count > ENTRIES_MAX);
        match too_long {
            Some((name, count)) => Err(InvalidPolicy::TooMany { name, count }),
            None => Ok(()),
        }
    }
}

/// Whether two part numbers are the same: Microsoft's spelling has no case.
pub fn is_part_number(one: &str, other: &str) -> bool {
    one.trim().eq_ignore_ascii_case(other.trim())
}

fn check(
    name: &'static str,
    value: u32,
    range: &std::ops::RangeInclusive<u32>,
) -> Result<(), InvalidPolicy> {
    match range.contains(&value) {
        true => Ok(()),
        false => Err(InvalidPolicy::OutOfRange {
            name,
            value,
            min: *range.start(),
            max: *range.end(),
        }),
    }
}

fn check_ladder(ladder: &Ladder) -> Result<(), InvalidPolicy> {
    let Ladder { from, to, .. } = ladder;
    let leads_on = !from.trim().is_empty() && !to.trim().is_empty() && !is_part_number(from, to);
    match leads_on {
        true => Ok(()),
        false => Err(InvalidPolicy::Ladder {
            from: from.clone(),
            to: to.clone(),
        }),
    }
}

fn check_bundle(bundle: &Bundle) -> Result<(), InvalidPolicy> {
    let word = |text: &String| text.trim().to_ascii_uppercase();
    let parts: BTreeSet<String> = bundle.parts.iter().map(word).collect();
    let whole = word(&bundle.whole);
    let is_whole = parts.len() == bundle.parts.len()
        && (2..=ENTRIES_MAX).contains(&parts.len())
        && !parts.contains(&whole)
        && !parts.contains("")
        && !whole.is_empty();
    match is_whole {
        true => Ok(()),
        false => Err(InvalidPolicy::Bundle {
            whole: bundle.whole.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut PolicySettings)) -> Result<Policy, InvalidPolicy> {
        let mut settings = PolicySettings::default();
        change(&mut settings);
        Policy::new(settings)
    }

    #[test]
    fn who_says_nothing_gets_a_valid_policy() {
        assert_eq!(
            Policy::new(PolicySettings::default()),
            Ok(Policy::default())
        );
        let settings = PolicySettings::default();
        assert_eq!(settings.resource_licenses.len(), 5);
        assert_eq!(settings.privileged_accounts.len(), 4);
    }

    #[test]
    fn silence_cannot_be_asked_of_reports_for_longer_than_they_reach() {
        let days = |days| with(|policy| policy.inactive_after_days = days).is_ok();
        assert_eq!(
            [days(0), days(1), days(180), days(181)],
            [false, true, true, false]
        );
        let refused = with(|policy| policy.copilot_unused_after_days = 181).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "copilot_unused_after_days is 1 to 180, not 181"
        );
    }

    #[track_caller]
    fn check_refused(change: impl FnOnce(&mut PolicySettings)) {
        assert!(with(change).is_err());
    }

    #[test]
    fn what_does_not_hold_together_is_refused() {
        let ladder = |from: &str, to: &str| Ladder {
            from: from.into(),
            to: to.into(),
            step: Step::Premium,
        };
        let bundle = |parts: &[&str], whole: &str| Bundle {
            parts: parts.iter().map(|part| (*part).to_owned()).collect(),
            whole: whole.into(),
        };
        check_refused(|policy| policy.headroom_percent = 0);
        check_refused(|policy| policy.headroom_percent = 101);
        check_refused(|policy| policy.freshness.apps_days = 0);
        check_refused(|policy| policy.grace_days = DAYS_MAX + 1);
        check_refused(|policy| policy.ladders = vec![ladder("SPE_E3", " spe_e3 ")]);
        check_refused(|policy| policy.ladders = vec![ladder("", "SPE_E3")]);
        check_refused(|policy| policy.ladders = vec![ladder("A", "B"); ENTRIES_MAX + 1]);
        check_refused(|policy| policy.bundles = vec![bundle(&["EMS"], "SPE_E3")]);
        check_refused(|policy| policy.bundles = vec![bundle(&["EMS", "ems"], "SPE_E3")]);
        check_refused(|policy| policy.bundles = vec![bundle(&["EMS", "SPE_E3"], "SPE_E3")]);
        assert!(
            with(|policy| policy.bundles = vec![bundle(&["EMS", "ENTERPRISEPACK"], "SPE_E3")])
                .is_ok()
        );
    }

    #[test]
    fn the_reserve_is_a_share_rounded_up_and_never_below_the_least() {
        let policy = PolicySettings::default();
        let buffers = [0, 1, 66, 67, 77, 88, 100, 101].map(|needed| policy.buffer_seats(needed));
        assert_eq!(buffers, [2, 2, 2, 3, 3, 3, 3, 4]);
        assert_eq!(policy.buffer_seats(u32::MAX), 128_849_019);
    }

    #[test]
    fn a_step_is_read_as_it_is_written() {
        for step in Step::ALL {
            assert_eq!(Step::parse(step.name()), Some(step));
        }
        assert_eq!(Step::parse("sideways"), None);
    }
}
