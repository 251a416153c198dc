//! Steps down from one license to a smaller one, and bundles that cost less than their parts.

/// A step from a license to a cheaper one that may be enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    /// The part number of what people have: "ENTERPRISEPACK".
    pub from: String,
    /// The part number of what may be enough: "STANDARDPACK".
    pub to: String,
    /// What must not be in use for it to be enough.
    pub step: Step,
}

/// What somebody loses by a step down, and thus what has to be unused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Office on Windows and Mac; a mailbox of 50 GB and 1 TB of files are left: E3 to E1, A3 to A1.
    DesktopApps,
    /// The same, and 2 GB for mail and for files are left: E3 to F3.
    Frontline,
    /// Security, compliance, voice and Power BI, of which no use is reported: E5 to E3, A5 to A3.
    Premium,
    /// A large mailbox and its archive: Exchange Online Plan 2 to Plan 1.
    LargeMailbox,
}

const GIB: u64 = 1 << 30;

impl Step {
    /// Every step.
    pub const ALL: [Self; 4] = [
        Self::DesktopApps,
        Self::Frontline,
        Self::Premium,
        Self::LargeMailbox,
    ];

    /// The word for settings: "`desktop_apps`".
    pub fn name(self) -> &'static str {
        match self {
            Self::DesktopApps => "desktop_apps",
            Self::Frontline => "frontline",
            Self::Premium => "premium",
            Self::LargeMailbox => "large_mailbox",
        }
    }

    /// Reads [`Self::name`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|step| step.name() == text.trim())
    }

    /// Whether Office on Windows and Mac is lost.
    pub fn loses_desktop_apps(self) -> bool {
        matches!(self, Self::DesktopApps | Self::Frontline)
    }

    /// The room that is left for mail, in bytes; `None` where it stays as it is.
    pub fn mailbox_bytes_left(self) -> Option<u64> {
        match self {
            Self::DesktopApps | Self::LargeMailbox => Some(50 * GIB),
            Self::Frontline => Some(2 * GIB),
            Self::Premium => None,
        }
    }

    /// Whether an archive of the mailbox would be lost.
    pub fn loses_archive(self) -> bool {
        matches!(self, Self::LargeMailbox)
    }

    /// The room that is left for one's own files, in bytes; `None` where it stays as it is.
    pub fn files_bytes_left(self) -> Option<u64> {
        match self {
            Self::DesktopApps => Some(1024 * GIB),
            Self::Frontline => Some(2 * GIB),
            Self::Premium | Self::LargeMailbox => None,
        }
    }

    /// Whether something is lost of which Microsoft reports no use.
    pub fn loses_what_nobody_sees(self) -> bool {
        matches!(self, Self::Premium)
    }
}

/// A license that has everything some others have together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The part numbers of the parts; two or more.
    pub parts: Vec<String>,
    /// The part number of the whole.
    pub whole: String,
}

/// The steps that are looked at unless the operator says otherwise.
pub(super) fn usual_ladders() -> Vec<Ladder> {
    let steps = [
        ("ENTERPRISEPACK", "STANDARDPACK", Step::DesktopApps),
        (
            "ENTERPRISEPACKPLUS_FACULTY",
            "STANDARDWOFFPACK_FACULTY",
            Step::DesktopApps,
        ),
        (
            "O365_BUSINESS_PREMIUM",
            "O365_BUSINESS_ESSENTIALS",
            Step::DesktopApps,
        ),
        ("ENTERPRISEPACK", "DESKLESSPACK", Step::Frontline),
        ("SPE_E3", "SPE_F1", Step::Frontline),
        ("SPE_E5", "SPE_E3", Step::Premium),
        ("ENTERPRISEPREMIUM", "ENTERPRISEPACK", Step::Premium),
        ("M365EDU_A5_FACULTY", "M365EDU_A3_FACULTY", Step::Premium),
        ("EXCHANGEENTERPRISE", "EXCHANGESTANDARD", Step::LargeMailbox),
    ];
    let ladders = steps.into_iter().map(|(from, to, step)| Ladder {
        from: from.into(),
        to: to.into(),
        step,
    });
    ladders.collect()
}
