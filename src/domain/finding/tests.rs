//! The life of findings, their sums and their words.

use std::collections::BTreeMap;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::day::Day;
use crate::domain::money::{BillingPeriod, Currency, Rate, parse_amount};

const TODAY: i64 = 20_780;

fn day(number: i64) -> Day {
    Day::numbered(number).unwrap()
}

fn sku(number: u128) -> SkuId {
    SkuId(Uuid::from_u128(number))
}

fn euros(amount: &str) -> Money {
    let currency = Currency::parse("EUR").unwrap();
    let rate = Rate::new(
        parse_amount(amount).unwrap(),
        currency,
        BillingPeriod::Month,
    );
    rate.unwrap().monthly()
}

fn found(user: u128) -> Finding {
    Finding {
        key: FindingKey::of_seat(
            FindingKind::Inactive,
            ObjectId(Uuid::from_u128(user)),
            sku(1),
        ),
        rule: Rule::Inactive,
        confidence: Confidence::High,
        seats: 1,
        saving: Saving::Monthly(euros("36")),
        is_primary: true,
        facts: Vec::new(),
    }
}

fn exempt_until(number: i64) -> BTreeMap<FindingKey, Exemption> {
    let exemption = Exemption::new("parental leave", "Ada", day(number), day(1)).unwrap();
    BTreeMap::from([(found(1).key, exemption)])
}

/// What is known on a day, of what was known before, found now, left alone, and gone.
struct Sync<'a> {
    on: i64,
    earlier: &'a [KnownFinding],
    found: Vec<Finding>,
    exemptions: &'a BTreeMap<FindingKey, Exemption>,
    is_gone: bool,
}

impl Sync<'_> {
    fn run(self) -> Vec<KnownFinding> {
        let earlier = self.earlier.to_vec();
        let is_gone = |_: &Finding| self.is_gone;
        carry(
            earlier,
            self.found,
            self.exemptions,
            day(self.on),
            365,
            is_gone,
        )
    }
}

fn states(known: &[KnownFinding]) -> Vec<(FindingState, i64)> {
    let states = known.iter();
    states
        .map(|own| (own.state, own.first_seen_on.number()))
        .collect()
}

#[test]
fn a_finding_is_open_since_the_day_on_which_it_was_first_seen() {
    let none = BTreeMap::new();
    let sync = |on, earlier, found| {
        Sync {
            on,
            earlier,
            found,
            exemptions: &none,
            is_gone: false,
        }
        .run()
    };
    let first = sync(TODAY, &[], vec![found(1)]);
    assert_eq!(states(&first), [(FindingState::Open, TODAY)]);
    let later = sync(TODAY + 9, &first, vec![found(2), found(1)]);
    assert_eq!(
        states(&later),
        [(FindingState::Open, TODAY), (FindingState::Open, TODAY + 9)]
    );
    // It holds no longer, and its seat is held on: nothing was saved.
    let over = sync(TODAY + 10, &later, vec![found(2)]);
    assert_eq!(states(&over), [(FindingState::Open, TODAY + 9)]);
    // It holds anew.
    let again = sync(TODAY + 11, &over, vec![found(1), found(2)]);
    assert_eq!(states(&again)[0], (FindingState::Open, TODAY + 11));
}

#[test]
fn an_exemption_counts_to_its_last_day_and_expires_by_itself() {
    let exemptions = exempt_until(TODAY + 5);
    let on = |on| {
        let known = Sync {
            on,
            earlier: &[],
            found: vec![found(1)],
            exemptions: &exemptions,
            is_gone: false,
        }
        .run();
        (known[0].state, known[0].exemption.is_some())
    };
    assert_eq!(on(TODAY + 4), (FindingState::Exempt, true));
    assert_eq!(on(TODAY + 5), (FindingState::Exempt, true));
    assert_eq!(on(TODAY + 6), (FindingState::Open, false));
    let other = Sync {
        on: TODAY,
        earlier: &[],
        found: vec![found(2)],
        exemptions: &exemptions,
        is_gone: false,
    };
    assert_eq!(other.run()[0].state, FindingState::Open);
}

#[test]
fn a_saving_is_realized_when_the_seat_is_gone_and_told_for_a_year() {
    let none = BTreeMap::new();
    let sync = |on, earlier, found, is_gone| {
        Sync {
            on,
            earlier,
            found,
            exemptions: &none,
            is_gone,
        }
        .run()
    };
    let open = sync(TODAY, &[], vec![found(1)], false);
    let realized = sync(TODAY + 3, &open, vec![], true);
    assert_eq!(states(&realized), [(FindingState::Realized, TODAY)]);
    assert_eq!(realized[0].realized_on, Some(day(TODAY + 3)));
    let kept = sync(TODAY + 3 + 365, &realized, vec![], true);
    assert_eq!(kept, realized);
    assert_eq!(sync(TODAY + 3 + 366, &realized, vec![], true), []);
    // Somebody gave the seat back, and it is idle again: another finding.
    let again = sync(TODAY + 50, &realized, vec![found(1)], false);
    assert_eq!(states(&again), [(FindingState::Open, TODAY + 50)]);
    assert_eq!(again[0].realized_on, None);
}

#[test]
fn only_what_carried_a_saving_is_realized() {
    let none = BTreeMap::new();
    let after = |finding: Finding| {
        let sync = |on, earlier, found| {
            Sync {
                on,
                earlier,
                found,
                exemptions: &none,
                is_gone: true,
            }
            .run()
        };
        let open = sync(TODAY, &[], vec![finding]);
        sync(TODAY + 1, &open, vec![]).len()
    };
    assert_eq!(after(found(1)), 1);
    let unpriced = Finding {
        saving: Saving::Unpriced,
        ..found(1)
    };
    assert_eq!(after(unpriced), 1);
    let beside = Finding {
        saving: Saving::Nothing,
        is_primary: false,
        ..found(1)
    };
    assert_eq!(after(beside), 0);
}

#[test]
fn an_exemption_says_why_who_and_until_when() {
    let make = |reason: &str, owner: &str, until| {
        Exemption::new(reason, owner, day(until), day(TODAY)).map(|own| (own.reason, own.owner))
    };
    let texts = |reason: &str, owner: &str| Ok((reason.to_owned(), owner.to_owned()));
    assert_eq!(
        make(" parental\tleave ", "Ada", TODAY),
        texts("parental leave", "Ada")
    );
    assert_eq!(make("why", "Ada", TODAY - 1), Err(InvalidExemption::Past));
    assert_eq!(make("  ", "Ada", TODAY), Err(InvalidExemption::Reason));
    assert_eq!(make("why", "", TODAY), Err(InvalidExemption::Owner));
    let long = "ü".repeat(EXEMPTION_CHARACTERS_MAX);
    assert_eq!(make(&long, "Ada", TODAY), texts(&long, "Ada"));
    assert_eq!(
        make(&format!("{long}ü"), "Ada", TODAY),
        Err(InvalidExemption::Reason)
    );
}

// ---------------------------------------------------------------- sums

fn known(finding: Finding, state: FindingState) -> KnownFinding {
    KnownFinding {
        finding,
        state,
        first_seen_on: day(TODAY),
        realized_on: None,
        exemption: None,
    }
}

fn text(sums: &crate::domain::money::Sums) -> String {
    let totals = sums.totals().iter();
    totals.map(Money::to_string).collect::<Vec<_>>().join(", ")
}

#[test]
fn what_is_sure_in_review_forgone_and_realized_is_summed_apart() {
    let review = Finding {
        confidence: Confidence::Low,
        ..found(2)
    };
    let unpriced = |state| {
        known(
            Finding {
                saving: Saving::Unpriced,
                seats: 3,
                ..found(5)
            },
            state,
        )
    };
    let all = [
        known(found(1), FindingState::Open),
        known(review, FindingState::Open),
        known(found(3), FindingState::Exempt),
        known(found(4), FindingState::Realized),
        known(found(6), FindingState::Realized),
        unpriced(FindingState::Open),
        unpriced(FindingState::Exempt),
    ];
    let totals = Totals::of(&all, |_| None);
    assert_eq!(text(&totals.monthly_savings), "36.00 EUR");
    assert_eq!(text(&totals.monthly_savings_in_review), "36.00 EUR");
    assert_eq!(text(&totals.monthly_savings_forgone), "36.00 EUR");
    assert_eq!(text(&totals.monthly_savings_realized), "72.00 EUR");
    assert_eq!(totals.unpriced_seats, 3);
}

#[test]
fn no_license_saves_more_than_is_paid_for_it() {
    let all: Vec<KnownFinding> = (1..=5)
        .map(|user| known(found(user), FindingState::Open))
        .chain([known(
            Finding {
                confidence: Confidence::Low,
                ..found(6)
            },
            FindingState::Open,
        )])
        .collect();
    let with = |spend: &str| {
        let totals = Totals::of(&all, |_| Some(euros(spend)));
        [
            text(&totals.monthly_savings),
            text(&totals.monthly_savings_in_review),
        ]
    };
    assert_eq!(with("216.01"), ["180.00 EUR", "36.00 EUR"]);
    assert_eq!(with("216"), ["180.00 EUR", "36.00 EUR"]);
    assert_eq!(with("190"), ["180.00 EUR", "10.00 EUR"]);
    assert_eq!(with("100"), ["100.00 EUR", "0.00 EUR"]);
}

proptest! {
    #[test]
    fn totals_stay_within_what_is_paid(seats in 0..20u64, sure in 0..40u128, low in 0..40u128) {
        let one = |user, confidence| known(Finding { confidence, ..found(user) }, FindingState::Open);
        let all: Vec<KnownFinding> = (0..sure)
            .map(|user| one(user, Confidence::High))
            .chain((sure..sure + low).map(|user| one(user, Confidence::Low)))
            .collect();
        let spend = euros("36").times(seats);
        let totals = Totals::of(&all, |_| Some(spend));
        let mut sum = totals.monthly_savings;
        sum.add_all(&totals.monthly_savings_in_review);
        let sum = sum.only().unwrap_or(Money::zero(spend.currency()));
        prop_assert!(sum <= spend, "{sum} of {spend}");
        prop_assert_eq!(sum, euros("36").times(seats.min((sure + low) as u64)));
    }
}

// ---------------------------------------------------------------- kinds

#[test]
fn every_kind_has_a_rule_and_precedence_is_the_order_of_the_law() {
    for kind in FindingKind::ALL {
        assert!(Rule::ALL.iter().any(|rule| rule.kind() == kind), "{kind:?}");
    }
    let mut kinds = FindingKind::ALL.to_vec();
    kinds.retain(|kind| kind.precedence().is_some());
    kinds.sort_by_key(|kind| kind.precedence());
    use FindingKind::*;
    assert_eq!(
        kinds,
        [
            DisabledAccount,
            Guest,
            ResourceAccount,
            EmptyLicense,
            NeverActive,
            Inactive,
            Overlap,
            CopilotUnused,
            AddonUnused,
            Downgrade,
            UnassignedSeats,
        ]
    );
}

#[track_caller]
fn check_words(said: Said, fact: &str, value: &str) {
    let source = Source::Policy;
    let shown = Fact {
        said,
        source,
        as_of: None,
    }
    .shown(&|_| "Microsoft 365 E3".into());
    assert_eq!((shown.fact, shown.value.as_str()), (fact, value));
    assert_eq!((shown.source, shown.as_of), ("policy", None));
}

#[test]
fn facts_are_told_in_words() {
    check_words(Said::MailboxBytes(Some(1023)), "mailbox size", "1023 B");
    check_words(
        Said::MailboxBytes(Some(40 << 30)),
        "mailbox size",
        "40.0 GiB",
    );
    check_words(
        Said::MailboxBytes(Some((41 << 30) - 1)),
        "mailbox size",
        "40.9 GiB",
    );
    check_words(
        Said::FilesBytes(u64::MAX),
        "size of own files",
        "16777215.9 TiB",
    );
    check_words(Said::GivenBy(sku(1)), "also given by", "Microsoft 365 E3");
    check_words(Said::Disabled(None), "account disabled", "yes");
    check_words(
        Said::Disabled(Some(day(TODAY))),
        "account disabled",
        "since 2026-11-23 or earlier",
    );
    let headroom = Said::Threshold(Threshold::HeadroomPercent, 80);
    check_words(headroom, "share of the smaller room", "80 %");
}

#[track_caller]
fn check_sentence(rule: Rule, facts: &[Said], sentence: &str) {
    let facts = facts.iter().map(|said| Fact {
        said: *said,
        source: Source::Seatwise,
        as_of: None,
    });
    let finding = Finding {
        rule,
        seats: 2,
        facts: facts.collect(),
        ..found(1)
    };
    let name_of = |id: SkuId| {
        if id == sku(1) {
            "E3".into()
        } else {
            format!("B{}", id.0.as_u128())
        }
    };
    assert_eq!(finding.summary(&name_of), sentence);
}

#[test]
fn a_finding_is_one_sentence() {
    let given = [2, 3, 4].map(|number| Said::GivenBy(sku(number)));
    check_sentence(
        Rule::Overlap,
        &given[..1],
        "E3 gives nothing that B2 does not give.",
    );
    check_sentence(
        Rule::UnionOverlap,
        &given,
        "E3 gives nothing that B2, B3 and B4 do not give together.",
    );
    check_sentence(
        Rule::DisabledAccount,
        &[Said::Disabled(Some(day(TODAY)))],
        "E3 is held by an account that is disabled since 2026-11-23 or earlier.",
    );
    check_sentence(
        Rule::UnassignedSeats,
        &[],
        "2 seats of E3: paid for, held by nobody and not kept in reserve.",
    );
    check_sentence(
        Rule::AssignmentError,
        &[Said::Error(ErrorCode::CountViolation)],
        "E3 could not be assigned: no seat is left.",
    );
    check_sentence(
        Rule::SubscriptionChange,
        &[
            Said::Status(SubscriptionStatus::Warning),
            Said::NextChange(day(TODAY)),
        ],
        "A subscription of E3 is Warning; its state changes on 2026-11-23 unless somebody acts.",
    );
    check_sentence(
        Rule::Downgrade,
        &[Said::Enough(sku(2))],
        "B2 would be enough in place of E3.",
    );
}
