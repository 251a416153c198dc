//! Which applications are used, and where: on which devices, or with Copilot in them.

use super::Life;
use super::Workload;
use super::year::Course;

/// Outlook, Word, Excel, `PowerPoint`, `OneNote` and Teams.
const APPLICATIONS: usize = 6;
/// Windows, Mac, mobile and web.
const PLATFORMS: usize = 4;

/// Of a thousand people, those who use the application at all.
const APPLICATION_SHARES: [u64; APPLICATIONS] = [900, 800, 750, 550, 350, 850];
/// Of a thousand people, those who have the platform at all.
const PLATFORM_SHARES: [u64; PLATFORMS] = [820, 160, 550, 700];

/// Where people meet Copilot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CopilotPlace {
    Chat,
    Teams,
    Word,
    Excel,
    PowerPoint,
    Outlook,
    OneNote,
    Loop,
}

/// Of a thousand users of Copilot, those who meet it there at all; in the chat, everybody does.
const COPILOT_SHARES: [u64; 8] = [1000, 750, 550, 300, 350, 600, 120, 60];

/// The applications that were used in a span of days, by platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AppsUsed(u32);

impl AppsUsed {
    /// Whether this application was used on that platform.
    pub(crate) fn has(self, application: usize, platform: usize) -> bool {
        self.0 & (1 << (application * PLATFORMS + platform)) != 0
    }

    /// Whether it was used anywhere.
    pub(crate) fn has_application(self, application: usize) -> bool {
        (0..PLATFORMS).any(|platform| self.has(application, platform))
    }

    /// Whether anything was used there.
    pub(crate) fn has_platform(self, platform: usize) -> bool {
        (0..APPLICATIONS).any(|application| self.has(application, platform))
    }
}

impl Life {
    /// The applications that were used from `first` to `last`, both included.
    pub(crate) fn apps_used(&self, first: i64, last: i64) -> AppsUsed {
        let until = self.until[Workload::Apps as usize];
        let mut used = 0;
        // One application somewhere is everybody's daily one: no active day without any.
        let (favorite, home) = (self.trait_below(40, 6) as usize, self.home());
        for application in 0..APPLICATIONS {
            for platform in 0..PLATFORMS {
                let pair = application * PLATFORMS + platform;
                let course = if (application, platform) == (favorite, home) {
                    Course::Daily
                } else if self.has_application(application) && self.has_platform(platform) {
                    [Course::Often, Course::Sometimes, Course::Rarely]
                        [self.trait_below(8 + pair as u64, 3) as usize]
                } else {
                    continue;
                };
                if self.by_course(course, first, last, until) > 0 {
                    used |= 1 << pair;
                }
            }
        }
        AppsUsed(used)
    }

    /// Devices of the account with Office on them; by platform, as the activations count them.
    pub(crate) fn devices(&self) -> [u64; 4] {
        std::array::from_fn(|platform| {
            let has = self.has_platform(platform);
            u64::from(has) * (1 + self.trait_below(44 + platform as u64, 2))
        })
    }

    /// The last day, up to `day`, on which Copilot was used there.
    pub(crate) fn latest_copilot(&self, place: CopilotPlace, day: i64) -> Option<i64> {
        let number = place as u64;
        if self.trait_below(32 + number, 1000) >= COPILOT_SHARES[place as usize] {
            return None;
        }
        let course = match place {
            CopilotPlace::Chat => Workload::Copilot.course(),
            CopilotPlace::Teams | CopilotPlace::Outlook | CopilotPlace::Word => Course::Sometimes,
            _ => Course::Rarely,
        };
        self.latest_on(Workload::Copilot, course, day)
    }

    fn has_application(&self, application: usize) -> bool {
        self.trait_below(application as u64, 1000) < APPLICATION_SHARES[application]
    }

    fn has_platform(&self, platform: usize) -> bool {
        platform == self.home()
            || self.trait_below(50 + platform as u64, 1000) < PLATFORM_SHARES[platform]
    }

    /// The platform of the account's own device: Windows, for most.
    pub(crate) fn home(&self) -> usize {
        match self.trait_below(41, 100) {
            0..78 => 0,
            78..90 => 1,
            90..93 => 2,
            _ => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::organization::person::Person;

    fn lives() -> impl Iterator<Item = Life> {
        (0..200).map(|index| Life::of(7, &Person::new(7, index), None))
    }

    #[test]
    fn every_active_day_has_an_application_and_every_other_day_none() {
        let mut used = 0;
        for life in lives() {
            for day in 20_700..20_730 {
                let apps = life.apps_used(day, day);
                let is_active = life.is_active(Workload::Apps, day);
                let somewhere = (0..4).any(|platform| apps.has_platform(platform));
                let something = (0..6).any(|application| apps.has_application(application));
                assert_eq!((somewhere, something), (is_active, is_active));
                used += u64::from(is_active);
            }
        }
        assert!(used > 1000, "{used}");
    }

    #[test]
    fn what_was_used_in_a_week_was_used_on_one_of_its_days() {
        for life in lives() {
            let days = (20_700..20_707)
                .map(|day| life.apps_used(day, day).0)
                .fold(0, |all, day| all | day);
            assert_eq!(life.apps_used(20_700, 20_706).0, days);
        }
    }

    #[test]
    fn copilot_was_last_used_where_it_was_used_last() {
        let mut users = 0;
        for life in lives() {
            let places = [
                CopilotPlace::Chat,
                CopilotPlace::Teams,
                CopilotPlace::Word,
                CopilotPlace::Excel,
                CopilotPlace::PowerPoint,
                CopilotPlace::Outlook,
                CopilotPlace::OneNote,
                CopilotPlace::Loop,
            ];
            let latest = places
                .iter()
                .filter_map(|&place| life.latest_copilot(place, 20_779))
                .max();
            assert_eq!(latest, life.latest(Workload::Copilot, 20_779));
            users += u64::from(latest.is_some());
        }
        assert!(users > 3, "{users}");
    }
}
