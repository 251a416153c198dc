//! How fast one core answers from the read model: selections, pages, breakdowns, and filters nested at
//! random, over invented users and without HTTP; then what a small sync costs, how fast findings are judged
//! and what a user weighs.
//!
//! `cargo bench --bench engine`; `USERS=1000000` is the size that the goals are about, and `-- findings`
//! judges only. Ratios between two versions on one machine count, not figures.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark is no product: it prints, and stops where it cannot measure"
)]

use std::collections::{BTreeSet, HashMap};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use seatwise::domain::catalog::{LicenseName, NameSource};
use seatwise::domain::day;
use seatwise::domain::declared::Declared;
use seatwise::domain::filter::{
    DayCondition, OrderDirection, TextCondition, TimeCondition, UserDimension, UserFilter,
    UserFlag, UserOrder, UserOrderField, UserText,
};
use seatwise::domain::finding::FindingState;
use seatwise::domain::finding_filter::{
    FindingFilter, FindingOrder, FindingOrderField, USUAL_ORDER,
};
use seatwise::domain::group::Memberships;
use seatwise::domain::ids::{ObjectId, PlanId, PriceId, SkuId, TenantKey};
use seatwise::domain::license::{License, SeatCounts, ServicePlan};
use seatwise::domain::license_class::LicenseClass;
use seatwise::domain::money::BillingPeriod;
use seatwise::domain::policy::{Policy, PolicySettings};
use seatwise::domain::prices::{Price, ToldPrice};
use seatwise::domain::sign_in::SignInActivity;
use seatwise::domain::standing::{Fetch, Fetched, Standing};
use seatwise::domain::sync_run::Dataset;
use seatwise::domain::text::{Folded, search_words};
use seatwise::domain::usage::{ActivityState, Metric, Usage, Values, Workload};
use seatwise::domain::user::{AssignmentState, LicenseAssignment, User, UserType};
use seatwise::domain::user_fact::UserFact;
use seatwise::engine::{
    Decisions, FindingWindow, GroupDetail, TenantIndex, TenantUpdate, UsersDraft, Window, select,
    select_findings,
};
use uuid::Uuid;

/// What the server itself allocates with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often each question is asked; the fastest counts, for others share the machine.
const ROUNDS: usize = 15;
/// How many filters are nested at random.
const NESTED: u64 = 300;

const GIVEN: [&str; 24] = [
    "Anna", "Hannah", "Joanna", "Mohammed", "Sofía", "James", "Yuki", "Olga", "Pedro", "Ingrid",
    "Wei", "Fatima", "Lars", "Chloé", "Raj", "Emily", "Kwame", "Björn", "Johannes", "Susanne",
    "Marco", "Li", "Daniel", "Zoë",
];
const SURNAMES: [&str; 24] = [
    "Smith",
    "García",
    "Nguyen",
    "Kowalski",
    "Okafor",
    "Lindström",
    "Haddad",
    "Fernandes",
    "Tanaka",
    "Müller",
    "Brown",
    "O'Brien",
    "Singh",
    "Rossi",
    "Van den Berg",
    "Jensen",
    "Hermann",
    "Hoffmann",
    "Johnson",
    "Kim",
    "Martin",
    "Silva",
    "Ivanova",
    "Schmidt",
];
const SYLLABLES: [&str; 32] = [
    "an", "bel", "cor", "da", "el", "fran", "gu", "hal", "in", "jo", "ka", "lin", "mar", "no",
    "or", "pet", "qui", "ros", "sten", "ta", "ul", "ver", "wil", "xa", "yor", "zen", "man", "son",
    "ski", "ez", "ich", "berg",
];
/// Parts of names, 3 to 6 letters, as people type them.
const NEEDLES: [&str; 10] = [
    "ann", "smi", "johan", "berg", "mann", "garcía", "ski", "marco", "son", "hoff",
];

/// Spreads numbers, always in the same way.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, among: u64) -> u64 {
        self.next() % among
    }

    /// Small numbers are more frequent, as departments, products and names are.
    fn skewed(&mut self, among: u64) -> u64 {
        let share = self.below(1 << 20) as f64 / f64::from(1 << 20);
        (among as f64 * share.powf(2.5)) as u64
    }

    fn one<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len() as u64) as usize]
    }
}

/// A name: one that exists, or one made of syllables.
fn name(known: &[&str], number: u64) -> String {
    if let Some(name) = known.get(number as usize) {
        return (*name).to_owned();
    }
    let mut random = Random(number.wrapping_mul(7919));
    let made: String = (0..2 + random.below(2))
        .map(|_| random.one(&SYLLABLES))
        .collect();
    let mut letters = made.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn object_id(number: u64) -> ObjectId {
    let mut random = Random(number);
    ObjectId(Uuid::from_u128(
        u128::from(random.next()) << 64 | u128::from(random.next()),
    ))
}

fn sku(number: u64) -> SkuId {
    SkuId(Uuid::from_u128(u128::from(number) + 1))
}

fn group(number: u64) -> ObjectId {
    object_id(1 << 40 | number)
}

fn second(seconds: u64) -> Timestamp {
    Timestamp::from_second(seconds as i64).expect("a time of these years")
}

fn now() -> Timestamp {
    second(20_780 * 86_400)
}

/// The users of an organization with 200 departments, 400 job titles, 40 products, 1,500 given names
/// and 40,000 surnames.
struct Organization {
    taken: HashMap<String, u32>,
}

impl Organization {
    fn user(&mut self, number: u64) -> User {
        let mut random = Random(number << 20);
        let given = name(&GIVEN, random.skewed(1_500));
        let surname = name(&SURNAMES, random.skewed(40_000));
        let is_guest = random.below(12) == 0;
        let mut local = format!("{given}.{surname}")
            .to_lowercase()
            .replace([' ', '\''], "");
        let taken = self.taken.entry(local.clone()).or_default();
        if *taken > 0 {
            local.push_str(&taken.to_string());
        }
        *taken += 1;
        let partner = random.skewed(300);
        let principal_name = match is_guest {
            true => format!("{local}_partner{partner}.com#EXT#@contoso.onmicrosoft.com"),
            false => format!("{local}@contoso.com"),
        };
        let mut products: Vec<u64> = (0..random.below(4)).map(|_| random.skewed(40)).collect();
        products.sort_unstable();
        products.dedup();
        let assignment = |product: u64| LicenseAssignment {
            sku_id: sku(product),
            state: AssignmentState::Active,
            error: None,
            assigned_directly: product.is_multiple_of(3),
            assigned_by_groups: vec![group(product)],
            disabled_plans: Vec::new(),
            last_updated_at: Some(second(
                1_650_000_000 + (number * 7919 + product) % 100_000_000,
            )),
        };
        User {
            object_id: object_id(number),
            display_name: Some(format!("{given} {surname}")),
            mail: Some(match is_guest {
                true => format!("{local}@partner{partner}.com"),
                false => principal_name.clone(),
            }),
            user_principal_name: principal_name,
            employee_id: (!is_guest).then(|| format!("{}", 1_000_000 + number)),
            employee_type: (!is_guest).then(|| "Employee".to_owned()),
            job_title: Some(format!("Job title {}", random.skewed(400))),
            department: (!is_guest).then(|| format!("Department {}", random.skewed(200))),
            company_name: Some(format!("Contoso {}", random.skewed(12))),
            office_location: Some(format!("Building {}", random.skewed(60))),
            country: Some(format!("Country {}", random.skewed(40))),
            usage_location: Some(
                ["NO", "SE", "DE", "US", "JP"][random.skewed(5) as usize].to_owned(),
            ),
            user_type: if is_guest {
                UserType::Guest
            } else {
                UserType::Member
            },
            is_resource_account: random.below(100) == 0,
            account_enabled: random.below(15) != 0,
            created_at: Some(second(1_400_000_000 + random.below(300_000_000))),
            hired_on: None,
            is_synced_from_on_premises: random.below(4) != 0,
            manager: (number > 0).then(|| object_id(number / 8)),
            assignments: products.into_iter().map(assignment).collect(),
        }
    }
}

/// What other datasets say: a sign-in, groups, and four workloads.
fn tell(draft: &mut UsersDraft, number: u64) {
    let mut random = Random(number << 21);
    let object_id = object_id(number);
    let signed_in = |random: &mut Random| Some(second(1_780_000_000 + random.below(15_000_000)));
    let mut groups: Vec<ObjectId> = (0..3).map(|_| group(random.skewed(500))).collect();
    groups.sort_unstable();
    groups.dedup();
    draft.set(&UserFact::Memberships(Memberships { object_id, groups }));
    draft.set(&UserFact::SignInActivity(SignInActivity {
        object_id,
        succeeded_at: signed_in(&mut random),
        attempted_at: None,
    }));
    let activity = [
        Dataset::EmailActivity,
        Dataset::TeamsActivity,
        Dataset::OneDriveActivity,
        Dataset::SharePointActivity,
    ];
    for dataset in activity {
        let last_active_on = day::date(20_780 - random.skewed(300) as i64);
        let sum = random.skewed(500);
        draft.set(&UserFact::Usage(Usage {
            object_id,
            dataset,
            last_active_on: last_active_on.filter(|_| random.below(5) != 0),
            standing: Values::default(),
            sums: [(); 4].map(|()| Some(Values::new([(Metric::EmailsSent, sum)]))),
            is_left_out: false,
            mailbox_type: None,
        }));
    }
}

fn license_name(id: SkuId, _part_number: &str) -> LicenseName {
    LicenseName {
        text: format!("Product {}", id.0.as_u128()),
        source: NameSource::Catalog,
    }
}

fn published(base: &TenantIndex, draft: UsersDraft) -> Arc<TenantIndex> {
    let update = TenantUpdate {
        organization: None,
        licenses: None,
        users: Some(draft),
        groups: None,
        subscriptions: None,
        history: None,
        standings: Vec::new(),
        as_of: Some(now()),
        now: now(),
    };
    Arc::new(base.updated(update, &license_name))
}

fn text(text: UserText, condition: TextCondition) -> UserFilter {
    UserFilter::Text(text, condition)
}

fn contains(of: UserText, part: &str) -> UserFilter {
    text(of, TextCondition::Contains(Folded::new(part)))
}

fn is(of: UserText, value: &str) -> UserFilter {
    text(of, TextCondition::In(BTreeSet::from([Folded::new(value)])))
}

/// Filter page: a department's members who hold a license.
fn filter_page() -> UserFilter {
    UserFilter::And(vec![
        is(UserText::Department, "Department 7"),
        UserFilter::Flag(UserFlag::ResourceAccount, false),
        UserFilter::UserType(BTreeSet::from([UserType::Member])),
        UserFilter::License(sku(2)),
    ])
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The fastest of several rounds.
fn timed<T>(mut work: impl FnMut() -> T) -> Duration {
    let round = |_| {
        let start = Instant::now();
        black_box(work());
        start.elapsed()
    };
    (0..ROUNDS).map(round).min().unwrap_or_default()
}

fn page_of(size: usize) -> Window {
    Window {
        size,
        ..Window::default()
    }
}

fn main() {
    // `cargo test --benches` asks whether it can be run, not how fast it is.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let users = std::env::var("USERS")
        .ok()
        .and_then(|users| users.parse().ok());
    let users: u64 = users.unwrap_or(100_000);
    let mut organization = Organization {
        taken: HashMap::new(),
    };
    if std::env::args().any(|argument| argument == "findings") {
        return bench_findings(users, &mut organization);
    }
    let tenants = [filled(users, &mut organization)];
    bench_selections(&tenants);
    bench_pages(&tenants);
    bench_nested(&tenants);
    bench_sync(&tenants[0], users, &mut organization);
    bench_findings(users, &mut organization);
    println!("\n{:34}{:>10}", "heap", "bytes/user");
    let parts = tenants[0].heap_by_part();
    for (part, bytes) in &parts {
        println!("{part:34}{:>10.1}", *bytes as f64 / users as f64);
    }
    let all: usize = parts.iter().map(|(_, bytes)| bytes).sum();
    println!("{:34}{:>10.1}", "all", all as f64 / users as f64);
}

fn filled(users: u64, organization: &mut Organization) -> Arc<TenantIndex> {
    let empty = TenantIndex::empty(TenantKey::parse("bench").expect("a key"));
    let mut draft = empty.draft();
    let mut merging = Duration::ZERO;
    for number in 0..users {
        let user = organization.user(number);
        let start = Instant::now();
        draft.merge(&user);
        merging += start.elapsed();
    }
    let start = Instant::now();
    (0..users).for_each(|number| tell(&mut draft, number));
    let telling = start.elapsed();
    let start = Instant::now();
    let index = published(&empty, draft);
    println!(
        "{users} users: merged in {merging:.1?}, told in {telling:.1?}, published in {:.1?}",
        start.elapsed()
    );
    index
}

fn bench_selections(tenants: &[Arc<TenantIndex>]) {
    println!("\n{:44}{:>10}{:>12}", "selection", "users", "µs");
    let one = |label: &str, filter: &UserFilter, search: &str| {
        let words = search_words(search);
        let time = timed(|| select(tenants, filter, &words).count());
        let count = select(tenants, filter, &words).count();
        println!("{label:44}{count:>10}{:>12.1}", micros(time));
    };
    one("department, license, member", &filter_page(), "");
    for needle in NEEDLES {
        let label = format!("display name contains {needle}");
        one(&label, &contains(UserText::DisplayName, needle), "");
    }
    for needle in ["a", "an", "nn", "anna smith", "a s", "zzzz"] {
        let label = format!("display name contains {needle:?}");
        one(&label, &contains(UserText::DisplayName, needle), "");
    }
    let without = UserFilter::Not(Box::new(contains(UserText::DisplayName, "ann")));
    one("display name does not contain ann", &without, "");
    for needle in [
        "anna.smi",
        "ann",
        "smith1",
        ".s",
        "@contoso.com",
        "partner7",
        "a.",
    ] {
        let label = format!("user principal name contains {needle:?}");
        one(&label, &contains(UserText::UserPrincipalName, needle), "");
    }
    one(
        "mail contains \"smith\"",
        &contains(UserText::Mail, "smith"),
        "",
    );
    one(
        "mail is one",
        &is(UserText::Mail, "anna.smith@contoso.com"),
        "",
    );
    for needle in ["77", "1234", "00001"] {
        let label = format!("employee id contains {needle}");
        one(&label, &contains(UserText::EmployeeId, needle), "");
    }
    for of in [
        UserText::DisplayName,
        UserText::UserPrincipalName,
        UserText::Mail,
        UserText::EmployeeId,
    ] {
        for start in ["a", "ann", "1004"] {
            let starts = text(of, TextCondition::StartsWith(Folded::new(start)));
            one(&format!("{of:?} starts with {start}"), &starts, "");
        }
        one(
            &format!("{of:?} is absent"),
            &text(of, TextCondition::IsAbsent),
            "",
        );
    }
    for search in ["ann", "a", "anna smi", "1004567", "contoso", "smith12"] {
        one(
            &format!("search {search:?}"),
            &UserFilter::EVERYBODY,
            search,
        );
    }
    one(
        "job title contains 1",
        &contains(UserText::JobTitle, "1"),
        "",
    );
    for (label, filter) in ranges() {
        one(label, &filter, "");
    }
}

fn ranges() -> [(&'static str, UserFilter); 5] {
    let from = |days: i64| DayCondition::Within {
        from: day::date(20_780 - days),
        to: None,
    };
    let half = TimeCondition::Within {
        from: Some(second(1_550_000_000)),
        before: None,
    };
    let week = TimeCondition::Within {
        from: Some(second(1_787_000_000)),
        before: None,
    };
    [
        ("created in half of the time", UserFilter::CreatedAt(half)),
        ("last active in 90 days", UserFilter::LastActiveOn(from(90))),
        (
            "last active never",
            UserFilter::LastActiveOn(DayCondition::IsAbsent),
        ),
        ("last sign-in within a half", UserFilter::LastSignInAt(week)),
        (
            "Teams within 30 days",
            UserFilter::WorkloadLastActiveOn(Workload::Teams, from(30)),
        ),
    ]
}

fn bench_pages(tenants: &[Arc<TenantIndex>]) {
    println!(
        "\n{:44}{:>10}{:>12}",
        "page or breakdown of a selection", "rows", "µs"
    );
    let selections = [
        ("department, license, member", filter_page()),
        ("name contains ann", contains(UserText::DisplayName, "ann")),
        ("name contains zzz", contains(UserText::DisplayName, "zzz")),
        ("everybody", UserFilter::EVERYBODY),
    ];
    for (label, filter) in &selections {
        let selection = select(tenants, filter, &[]);
        for field in [UserOrderField::DisplayName, UserOrderField::CreatedAt] {
            for direction in [OrderDirection::Ascending, OrderDirection::Descending] {
                let orders = [UserOrder { field, direction }];
                let time = timed(|| selection.page(&orders, &page_of(50)));
                let rows = selection.page(&orders, &page_of(50)).rows.len();
                let label = format!("{label}, {field:?} {direction:?}");
                println!("{label:44.44}{rows:>10}{:>12.1}", micros(time));
            }
        }
        for by in [
            UserDimension::Department,
            UserDimension::JobTitle,
            UserDimension::LicenseName,
        ] {
            let time = timed(|| selection.breakdown(by, 100, GroupDetail::Count));
            let groups = selection.breakdown(by, 100, GroupDetail::Count).len();
            println!(
                "{:44.44}{groups:>10}{:>12.1}",
                format!("{label} by {by:?}"),
                micros(time)
            );
        }
    }
    let asked = || {
        let filter = contains(UserText::DisplayName, "ann");
        let selection = select(tenants, &filter, &[]);
        (selection.count(), selection.page(&[], &page_of(50)))
    };
    println!(
        "{:54}{:>12.1}",
        "name contains ann, counted, and the first 50",
        micros(timed(asked))
    );
}

/// A condition of one of the kinds that there are.
fn leaf(random: &mut Random) -> UserFilter {
    let texts = [
        UserText::DisplayName,
        UserText::UserPrincipalName,
        UserText::Mail,
        UserText::EmployeeId,
    ];
    let from = |random: &mut Random| DayCondition::Within {
        from: day::date(20_780 - random.below(300) as i64),
        to: None,
    };
    match random.below(14) {
        0 | 1 => contains(random.one(&texts), random.one(&NEEDLES)),
        2 => contains(random.one(&texts), &format!("{}", 10 + random.below(5_000))),
        3 => {
            let start = Folded::new(random.one(&SYLLABLES));
            text(random.one(&texts), TextCondition::StartsWith(start))
        }
        4 => is(
            UserText::Department,
            &format!("Department {}", random.skewed(200)),
        ),
        5 => contains(UserText::JobTitle, &format!("{}", random.below(100))),
        6 => UserFilter::Flag(UserFlag::AccountEnabled, random.below(2) == 0),
        7 => UserFilter::UserType(BTreeSet::from([UserType::Guest])),
        8 => UserFilter::License(sku(random.skewed(40))),
        9 => UserFilter::CreatedAt(TimeCondition::Within {
            from: Some(second(1_400_000_000 + random.below(300_000_000))),
            before: None,
        }),
        10 => UserFilter::LastActiveOn(from(random)),
        11 => UserFilter::WorkloadLastActiveOn(Workload::Teams, from(random)),
        12 => UserFilter::Group(BTreeSet::from([group(random.skewed(500))])),
        _ => UserFilter::ActivityState(BTreeSet::from([random.one(&ActivityState::ALL)])),
    }
}

/// A filter with so many conditions, nested so deep.
fn nested(random: &mut Random, leaves: u64, depth: usize) -> UserFilter {
    if leaves == 1 || depth == 0 {
        let leaf = leaf(random);
        return if random.below(4) == 0 {
            UserFilter::Not(Box::new(leaf))
        } else {
            leaf
        };
    }
    let left = if depth == 1 {
        1
    } else {
        1 + random.below(leaves - 1)
    };
    let parts = match depth {
        1 => (0..leaves).map(|_| nested(random, 1, 0)).collect(),
        _ => vec![
            nested(random, left, depth - 1),
            nested(random, leaves - left, depth - 1),
        ],
    };
    match random.below(5) {
        0 | 1 => UserFilter::And(parts),
        2 | 3 => UserFilter::Or(parts),
        _ => UserFilter::Not(Box::new(UserFilter::And(parts))),
    }
}

fn bench_nested(tenants: &[Arc<TenantIndex>]) {
    let mut measured: Vec<(Duration, UserFilter)> = (0..NESTED)
        .map(|seed| {
            let filter = nested(&mut Random(seed << 30), 12, 5);
            let rounds = (0..ROUNDS).map(|_| {
                let start = Instant::now();
                black_box(select(tenants, &filter, &[]).count());
                start.elapsed()
            });
            (rounds.min().unwrap_or_default(), filter)
        })
        .collect();
    measured.sort_by_key(|(time, _)| *time);
    let at = |share: f64| micros(measured[((NESTED - 1) as f64 * share) as usize].0);
    println!(
        "\n{NESTED} filters of 12 conditions nested 5 deep: median {:.0} µs, 90 % {:.0} µs, 99 % {:.0} µs, worst {:.0} µs",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
    if let Some((_, worst)) = measured.last() {
        println!("worst: {worst:?}");
    }
}

/// A sync that changes a hundred users.
fn bench_sync(base: &Arc<TenantIndex>, users: u64, organization: &mut Organization) {
    println!("\n{:44}{:>12}", "100 changed users, published", "ms");
    type Edit = fn(&mut User, &User);
    let edits: [(&str, Edit); 2] = [
        ("job titles", |user, other| {
            user.job_title.clone_from(&other.job_title)
        }),
        ("names", |user, other| {
            user.display_name.clone_from(&other.display_name);
            user.user_principal_name = format!("new.{}", other.user_principal_name);
        }),
    ];
    for (label, edit) in edits {
        let mut changed: Vec<User> = Vec::new();
        for number in 0..100.min(users) {
            let mut user = base
                .draft()
                .user(object_id(number * users / 100))
                .expect("a user");
            edit(&mut user, &organization.user(users + number));
            changed.push(user);
        }
        let time = timed(|| {
            let mut draft = base.draft();
            for user in &changed {
                draft.merge(user);
            }
            published(base, draft)
        });
        println!("{label:44}{:>12.2}", micros(time) / 1e3);
    }
}

/// The plans of a suite, and some of which no use is reported.
const PLANS: [&str; 12] = [
    "EXCHANGE_S_ENTERPRISE",
    "TEAMS1",
    "SHAREPOINTENTERPRISE",
    "OFFICESUBSCRIPTION",
    "YAMMER_ENTERPRISE",
    "AAD_PREMIUM",
    "INTUNE_A",
    "MFA_PREMIUM",
    "RMS_S_PREMIUM",
    "SWAY",
    "FORMS_PLAN_E3",
    "STREAM_O365_E3",
];

/// Product 0 is a suite with everything; the others have each a few of its plans.
fn suite(number: u64) -> License {
    let has = |place: usize| number == 0 || (number as usize * 7 + place).is_multiple_of(4);
    let plans = PLANS.iter().enumerate().filter(|(place, _)| has(*place));
    let plan = |(place, value): (usize, &&str)| ServicePlan {
        plan_id: PlanId(Uuid::from_u128(place as u128 + 1)),
        value: (*value).to_owned(),
    };
    License {
        sku_id: sku(number),
        part_number: format!("SUITE_{number}"),
        status: "Enabled".to_owned(),
        is_company_wide: false,
        seats: SeatCounts {
            enabled: 10_000,
            consumed: 9_000,
            ..SeatCounts::default()
        },
        service_plans: plans.map(plan).collect(),
    }
}

/// Every report was whole today.
fn fresh() -> Vec<Standing> {
    let today = day::date(20_780);
    let standing = |dataset| Standing {
        as_of: Some(now()),
        reaches: today,
        fetches: vec![Fetch {
            what: Fetched::Whole,
            at: now(),
            reported_on: today,
            etag: None,
        }],
        ..Standing::new(dataset)
    };
    Dataset::ALL.map(standing).to_vec()
}

/// Every product costs something, but for one in ten.
fn prices() -> Arc<Declared> {
    let mut declared = Declared::default();
    for number in (0..40).filter(|number| number % 10 != 9) {
        let told = ToldPrice {
            tenant: None,
            subscription: None,
            sku_id: sku(number),
            segment: None,
            amount: (5 + number * 7 % 53).into(),
            currency: if number % 4 == 3 { "USD" } else { "EUR" },
            per: BillingPeriod::Month,
            valid_from: jiff::civil::date(2000, 1, 1),
            valid_to: None,
            source: None,
        };
        let id = PriceId(Uuid::from_u128(number.into()));
        let price = Price::new(id, told).expect("a price");
        declared.prices = Arc::new(declared.prices.with(price).expect("one of each"));
    }
    Arc::new(declared)
}

/// Everybody judged, and then a hundred of them; five assignments for two users.
fn bench_findings(users: u64, organization: &mut Organization) {
    let declared = prices();
    let decisions = |inactive_after_days| Decisions {
        policy: Arc::new(
            Policy::new(PolicySettings {
                inactive_after_days,
                ..PolicySettings::default()
            })
            .expect("a policy"),
        ),
        classes: (0..40)
            .map(|number| (sku(number), LicenseClass::Paid))
            .collect(),
        declared: Arc::clone(&declared),
        ..Decisions::default()
    };
    let key = TenantKey::parse("findings").expect("a key");
    let empty = TenantIndex::remembering(key, decisions(90), Vec::new());
    let mut draft = empty.draft();
    let mut assignments = 0;
    for number in 0..users {
        let mut user = organization.user(number);
        let mut random = Random(number << 22);
        let wanted = 2 + (number % 2) as usize;
        while user.assignments.len() > wanted {
            user.assignments.pop();
        }
        while user.assignments.len() < wanted {
            let product = random.skewed(40);
            let has = user
                .assignments
                .iter()
                .any(|own| own.sku_id == sku(product));
            if !has {
                user.assignments.push(LicenseAssignment {
                    sku_id: sku(product),
                    state: AssignmentState::Active,
                    error: None,
                    assigned_directly: true,
                    assigned_by_groups: Vec::new(),
                    disabled_plans: Vec::new(),
                    last_updated_at: Some(second(1_700_000_000)),
                });
            }
        }
        assignments += user.assignments.len();
        draft.merge(&user);
    }
    (0..users).for_each(|number| tell(&mut draft, number));
    let update = TenantUpdate {
        organization: None,
        licenses: Some((0..40).map(suite).collect()),
        users: Some(draft),
        groups: None,
        subscriptions: None,
        history: None,
        standings: fresh(),
        as_of: Some(now()),
        now: now(),
    };
    let index = Arc::new(empty.updated(update, &license_name));
    let everything = FindingFilter::And(Vec::new());
    let tenants = [Arc::clone(&index)];
    let found = || select_findings(&tenants, &everything, &[USUAL_ORDER]);
    let department = FindingFilter::And(vec![
        FindingFilter::State([FindingState::Open].into()),
        FindingFilter::User(is(UserText::Department, "Department 7")),
    ]);
    let own = || select_findings(&tenants, &department, &[USUAL_ORDER]);
    let newest = FindingOrder {
        field: FindingOrderField::FirstSeenOn,
        direction: OrderDirection::Descending,
    };
    let window = FindingWindow {
        size: 50,
        ..FindingWindow::default()
    };
    let everybody = || select(&tenants, &UserFilter::EVERYBODY, &[]);
    let by = UserDimension::Department;
    let groups = everybody().breakdown(by, 500, GroupDetail::Count);
    let whole = timed(|| index.decided(decisions(60), now()));
    let asked: [(&str, Duration); 9] = [
        ("all findings in order", timed(|| found().row(0))),
        ("a page of all findings", timed(|| found().page(&window))),
        (
            "... the newest first",
            timed(|| select_findings(&tenants, &everything, &[newest]).page(&window)),
        ),
        (
            "... their count and sums",
            timed(|| (found().count(), found().totals())),
        ),
        ("a page of a department's", timed(|| own().page(&window))),
        (
            "... their count and sums",
            timed(|| (own().count(), own().totals())),
        ),
        (
            "savings of every license",
            timed(|| {
                let licenses = index.licenses().iter();
                licenses
                    .filter_map(|entry| index.monthly_savings(entry.license.sku_id))
                    .count()
            }),
        ),
        (
            "seats to reclaim of every license",
            timed(|| {
                let licenses = index.licenses().iter();
                licenses
                    .map(|entry| index.reclaimable_seats(entry.license.sku_id))
                    .sum::<u32>()
            }),
        ),
        (
            "savings of every department",
            timed(|| everybody().savings_of(by, &groups)),
        ),
    ];
    let few: Vec<User> = (0..100.min(users))
        .map(|number| {
            let id = object_id(number * users / 100);
            let mut user = index.draft().user(id).expect("a user");
            user.account_enabled = !user.account_enabled;
            user
        })
        .collect();
    let changed = timed(|| {
        let mut draft = index.draft();
        for user in &few {
            draft.merge(user);
        }
        published(&index, draft)
    });
    println!(
        "\n{:44}{:>12}",
        format!("{} findings of {assignments} assignments", found().count()),
        "ms"
    );
    let rows = [
        ("everybody judged, all sums made", whole),
        ("100 changed users judged and published", changed),
    ];
    for (label, time) in rows.into_iter().chain(asked) {
        println!("{label:44}{:>12.3}", micros(time) / 1e3);
    }
    println!(
        "{:44}{:>12.0}",
        "ratio of the first to the second",
        micros(whole) / micros(changed)
    );
}
