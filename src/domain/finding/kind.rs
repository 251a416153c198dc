//! The kinds of findings, the rules behind them, and how sure they are.

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// Somebody who was in use once holds a paid seat.
    Inactive,
    /// Somebody who was never seen holds a paid seat.
    NeverActive,
    /// An account that nobody can sign in to holds a paid seat.
    DisabledAccount,
    /// Somebody invited from elsewhere holds a paid seat.
    Guest,
    /// A room, a device or a shared mailbox holds a seat meant for a person.
    ResourceAccount,
    /// The user's other licenses give everything that this one gives.
    Overlap,
    /// One seat is assigned twice.
    DuplicateAssignment,
    /// A cheaper license would be enough.
    Downgrade,
    /// Every service that shows use is switched off.
    EmptyLicense,
    /// A Copilot license that is used little or not at all.
    CopilotUnused,
    /// An add-on that is not used.
    AddonUnused,
    /// More seats are paid for than anybody needs.
    UnassignedSeats,
    /// More seats are in use than are paid for.
    OverConsumed,
    /// An assignment that failed.
    AssignmentError,
    /// A purchase changes its state, or did.
    SubscriptionChange,
    /// A trial ends.
    TrialEnding,
}

impl FindingKind {
    /// Every kind, in the order of the schema.
    pub const ALL: [Self; 16] = [
        Self::Inactive,
        Self::NeverActive,
        Self::DisabledAccount,
        Self::Guest,
        Self::ResourceAccount,
        Self::Overlap,
        Self::DuplicateAssignment,
        Self::Downgrade,
        Self::EmptyLicense,
        Self::CopilotUnused,
        Self::AddonUnused,
        Self::UnassignedSeats,
        Self::OverConsumed,
        Self::AssignmentError,
        Self::SubscriptionChange,
        Self::TrialEnding,
    ];

    /// As the schema spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inactive => "INACTIVE",
            Self::NeverActive => "NEVER_ACTIVE",
            Self::DisabledAccount => "DISABLED_ACCOUNT",
            Self::Guest => "GUEST",
            Self::ResourceAccount => "RESOURCE_ACCOUNT",
            Self::Overlap => "OVERLAP",
            Self::DuplicateAssignment => "DUPLICATE_ASSIGNMENT",
            Self::Downgrade => "DOWNGRADE",
            Self::EmptyLicense => "EMPTY_LICENSE",
            Self::CopilotUnused => "COPILOT_UNUSED",
            Self::AddonUnused => "ADDON_UNUSED",
            Self::UnassignedSeats => "UNASSIGNED_SEATS",
            Self::OverConsumed => "OVER_CONSUMED",
            Self::AssignmentError => "ASSIGNMENT_ERROR",
            Self::SubscriptionChange => "SUBSCRIPTION_CHANGE",
            Self::TrialEnding => "TRIAL_ENDING",
        }
    }

    /// Which of the findings about one seat carries its saving: the one with the lowest number. `None` of
    /// kinds that save nothing.
    pub fn precedence(self) -> Option<u8> {
        match self {
            Self::DisabledAccount => Some(0),
            Self::Guest => Some(1),
            Self::ResourceAccount => Some(2),
            Self::EmptyLicense => Some(3),
            Self::NeverActive => Some(4),
            Self::Inactive => Some(5),
            Self::Overlap => Some(6),
            Self::CopilotUnused | Self::AddonUnused => Some(7),
            Self::Downgrade => Some(8),
            // The seats are nobody's.
            Self::UnassignedSeats => Some(9),
            Self::DuplicateAssignment
            | Self::OverConsumed
            | Self::AssignmentError
            | Self::SubscriptionChange
            | Self::TrialEnding => None,
        }
    }

    /// Whether it rests on somebody not being seen.
    pub fn is_by_silence(self) -> bool {
        match self {
            Self::Inactive
            | Self::NeverActive
            | Self::Downgrade
            | Self::CopilotUnused
            | Self::AddonUnused => true,
            Self::DisabledAccount
            | Self::Guest
            | Self::ResourceAccount
            | Self::Overlap
            | Self::DuplicateAssignment
            | Self::EmptyLicense
            | Self::UnassignedSeats
            | Self::OverConsumed
            | Self::AssignmentError
            | Self::SubscriptionChange
            | Self::TrialEnding => false,
        }
    }
}

/// The rule that found something. Two rules may find the same kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// R01: in use once, and silent everywhere since.
    Inactive,
    /// R02: nothing was ever seen.
    NeverActive,
    /// R03: the account is disabled.
    DisabledAccount,
    /// R04: a guest.
    Guest,
    /// R05: no person's account.
    ResourceAccount,
    /// R06: a shared mailbox.
    SharedMailbox,
    /// R07: assigned directly and by a group.
    DirectAndGroup,
    /// R08: within one other license.
    Overlap,
    /// R09: within several others together.
    UnionOverlap,
    /// R10: the parts of a cheaper bundle.
    Consolidate,
    /// R11: a smaller license is enough.
    Downgrade,
    /// R12: seats that nobody holds.
    UnassignedSeats,
    /// R13: seats that nobody paid for.
    OverConsumed,
    /// R14: an assignment failed.
    AssignmentError,
    /// R15: a purchase changes its state.
    SubscriptionChange,
    /// R16: a trial ends.
    TrialEnding,
    /// R17: Copilot is not used.
    CopilotUnused,
    /// R17: Copilot is used in one application only.
    CopilotUnderused,
    /// R18: an add-on is not used.
    AddonUnused,
    /// R19: everything is switched off.
    EmptyLicense,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 20] = [
        Self::Inactive,
        Self::NeverActive,
        Self::DisabledAccount,
        Self::Guest,
        Self::ResourceAccount,
        Self::SharedMailbox,
        Self::DirectAndGroup,
        Self::Overlap,
        Self::UnionOverlap,
        Self::Consolidate,
        Self::Downgrade,
        Self::UnassignedSeats,
        Self::OverConsumed,
        Self::AssignmentError,
        Self::SubscriptionChange,
        Self::TrialEnding,
        Self::CopilotUnused,
        Self::CopilotUnderused,
        Self::AddonUnused,
        Self::EmptyLicense,
    ];

    /// What the rule finds.
    pub fn kind(self) -> FindingKind {
        match self {
            Self::Inactive => FindingKind::Inactive,
            Self::NeverActive => FindingKind::NeverActive,
            Self::DisabledAccount => FindingKind::DisabledAccount,
            Self::Guest => FindingKind::Guest,
            Self::ResourceAccount | Self::SharedMailbox => FindingKind::ResourceAccount,
            Self::DirectAndGroup => FindingKind::DuplicateAssignment,
            Self::Overlap | Self::UnionOverlap | Self::Consolidate => FindingKind::Overlap,
            Self::Downgrade => FindingKind::Downgrade,
            Self::UnassignedSeats => FindingKind::UnassignedSeats,
            Self::OverConsumed => FindingKind::OverConsumed,
            Self::AssignmentError => FindingKind::AssignmentError,
            Self::SubscriptionChange => FindingKind::SubscriptionChange,
            Self::TrialEnding => FindingKind::TrialEnding,
            Self::CopilotUnused | Self::CopilotUnderused => FindingKind::CopilotUnused,
            Self::AddonUnused => FindingKind::AddonUnused,
            Self::EmptyLicense => FindingKind::EmptyLicense,
        }
    }
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Everything that would show otherwise was read, and shows nothing.
    High,
    /// Likely; something that could show otherwise is not there to be read.
    Medium,
    /// For somebody to review.
    Low,
}

impl Confidence {
    /// Every confidence, in the order of the schema.
    pub const ALL: [Self; 3] = [Self::High, Self::Medium, Self::Low];

    /// As the schema spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::High => "HIGH",
            Self::Medium => "MEDIUM",
            Self::Low => "LOW",
        }
    }
}
