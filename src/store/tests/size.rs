//! What storing costs: bytes written for what changed, bytes on disk for a user.

use super::*;
use crate::domain::sync_run::Dataset;
use crate::domain::usage::Workload;
use crate::domain::user_fact::UserFact;
use crate::store::manifest::Segment;
use crate::store::samples::{self, Random, users};

/// Bytes of all segments that are current, and of the lists that they name.
fn live_bytes(store: &Store) -> u64 {
    let facts = store.facts(&contoso()).unwrap();
    let all = facts.segments().flat_map(Segment::with_list);
    let all: BTreeMap<_, _> = all.map(|segment| (&segment.key, segment.bytes)).collect();
    all.values().sum()
}

/// Bytes written by a commit.
fn cost(backend: &MemoryBackend, work: impl FnOnce()) -> u64 {
    let before = backend.bytes_written();
    work();
    backend.bytes_written() - before
}

#[test]
fn a_run_costs_about_what_it_changed() {
    let backend = MemoryBackend::new();
    let store = in_memory(&backend);
    let mut current = world(5_000, 25);
    let base = cost(&backend, || {
        commit(&store, &contoso(), 1, &current).unwrap()
    });
    let mut total = 0;
    let mut worst = 0;
    for number in 2..72 {
        let next = changed(&current, 100, number);
        let bytes = cost(&backend, || {
            stage(&store, &contoso(), number, &current, &next)
                .unwrap()
                .commit(&run(&contoso(), number), as_of(number))
                .unwrap();
        });
        if number == 2 {
            // A small frame compresses less well than a large one.
            assert!(bytes * 100 < base * 3, "{bytes} bytes for 1 % of {base}");
        }
        worst = worst.max(bytes);
        total += bytes;
        current = next;
    }
    assert_eq!(load(&store, &contoso()).unwrap(), (71, current));
    // Rewriting the base each time would write 70 times its bytes.
    println!("base {base}, 70 runs of 1 % {total}, dearest {worst}");
    assert!(
        total < base * 6,
        "{total} bytes in 70 runs of 1 % of {base}"
    );
    assert!(worst < base * 3 / 2, "{worst}");
}

#[test]
fn a_user_takes_few_bytes_on_disk_after_many_runs() {
    const USERS: u64 = 20_000;
    let root = tempfile::tempdir().unwrap();
    let key = EncryptionKey::random();
    let store = open(root.path(), &key);
    let mut current: Vec<_> = users(USERS);
    let mut number = 1;
    let mut live = 0;
    let mut first = 0;
    while number <= 31 {
        let mut staging = store.stage(&contoso(), run(&contoso(), number).id);
        let step = if number == 1 { 1 } else { 100 };
        for user in current
            .iter_mut()
            .skip(number as usize % step)
            .step_by(step)
        {
            user.office_location = Some(format!("Building {number}"));
            staging.put_user(user).unwrap();
        }
        staging
            .commit(&run(&contoso(), number), as_of(number))
            .unwrap();
        live = live_bytes(&store);
        if number == 1 {
            first = live;
        }
        number += 1;
    }
    let on_disk = store.bytes_on_disk();
    println!(
        "{} bytes a user compressed, {} with 30 runs of changes, {} on disk",
        first / USERS,
        live / USERS,
        on_disk / USERS
    );
    assert!(first / USERS < 80);
    // What a merge replaced is gone with its file.
    assert!(on_disk / USERS < 80);
}

/// Stages something for each of so many users, and answers how many bytes one takes, compressed.
fn bytes_a_user(what: &str, users: u64, mut put: impl FnMut(&mut Staging, u64)) -> f64 {
    let store = in_memory(&MemoryBackend::new());
    let mut staging = store.stage(&contoso(), run(&contoso(), 1).id);
    for n in 0..users {
        put(&mut staging, n);
    }
    staging.commit(&run(&contoso(), 1), as_of(1)).unwrap();
    let bytes = live_bytes(&store) as f64 / users as f64;
    println!("{what}: {bytes:.1} bytes a user, 16 of them the id");
    bytes
}

#[test]
fn a_users_facts_of_other_datasets_take_few_bytes() {
    let mut random = Random(31);
    for dataset in Dataset::REPORTS {
        let users = match dataset {
            Dataset::EmailActivity => 20_000,
            _ => 3_000,
        };
        let bytes = bytes_a_user(dataset.name(), users, |staging, n| {
            let usage = samples::usage(dataset, n, &mut random);
            staging.put_user_fact(&UserFact::Usage(usage)).unwrap();
        });
        // Teams has nine numbers in each of four periods.
        let most = if dataset == Dataset::TeamsActivity {
            60.0
        } else {
            38.0
        };
        assert!(bytes < most, "{dataset:?}: {bytes}");
    }
    let groups = samples::groups(800);
    let bytes = bytes_a_user("memberships", 10_000, |staging, n| {
        let fact = samples::memberships(n, &groups, &mut random);
        staging.put_user_fact(&UserFact::Memberships(fact)).unwrap();
    });
    assert!(bytes < 34.0, "{bytes}");
    let bytes = bytes_a_user("sign-in activity", 5_000, |staging, n| {
        let fact = samples::sign_in(n, &mut random);
        staging
            .put_user_fact(&UserFact::SignInActivity(fact))
            .unwrap();
    });
    assert!(bytes < 24.0, "{bytes}");
    let bytes = bytes_a_user("application uses", 5_000, |staging, n| {
        let fact = samples::applications(n, &mut random);
        staging
            .put_user_fact(&UserFact::ApplicationUses(fact))
            .unwrap();
    });
    assert!(bytes < 40.0, "{bytes}");
}

#[test]
fn a_day_of_the_history_takes_few_bytes_a_user() {
    const USERS: u64 = 5_000;
    let mut random = Random(37);
    for workload in Workload::ALL {
        let store = in_memory(&MemoryBackend::new());
        let day = samples::usage_day(workload, 1, USERS, &mut random);
        let mut staging = store.stage(&contoso(), run(&contoso(), 1).id);
        staging.put_usage_day(&day).unwrap();
        staging.commit(&run(&contoso(), 1), as_of(1)).unwrap();
        let bytes = live_bytes(&store) as f64 / day.users.len() as f64;
        println!("{workload:?}: {bytes:.2} bytes a user of the day");
        assert!(bytes < 8.0, "{workload:?}: {bytes}");
    }
}

#[test]
fn the_ids_of_users_are_kept_once_for_all_that_is_said_of_them() {
    const USERS: u64 = 20_000;
    let reports = [
        Dataset::EmailActivity,
        Dataset::TeamsActivity,
        Dataset::OneDriveActivity,
        Dataset::SharePointActivity,
    ];
    let bytes = |has_users: bool| {
        let mut random = Random(41);
        let store = in_memory(&MemoryBackend::new());
        let mut staging = store.stage(&contoso(), run(&contoso(), 1).id);
        if has_users {
            let users = users(USERS);
            let mut users = users.iter();
            users.try_for_each(|user| staging.put_user(user)).unwrap();
        }
        for dataset in reports {
            for n in 0..USERS {
                let usage = samples::usage(dataset, n, &mut random);
                staging.put_user_fact(&UserFact::Usage(usage)).unwrap();
            }
        }
        staging.commit(&run(&contoso(), 1), as_of(1)).unwrap();
        let facts = store.facts(&contoso()).unwrap();
        let is_of_users = |segment: &&Segment| segment.key.collection == Collection::Users;
        let others = facts.segments().filter(|segment| !is_of_users(segment));
        let others: u64 = others.map(|segment| segment.bytes).sum();
        (others / USERS, live_bytes(&store) / USERS)
    };
    let ((alone, _), (listed, all)) = (bytes(false), bytes(true));
    println!("four reports: {alone} bytes a user, {listed} by a list; {all} with users");
    assert!(listed + 60 < alone, "{listed} {alone}");
}

/// How many of a thousand people use each workload on a day of work, in the order of [`Workload::ALL`].
const USED_BY: [u64; 7] = [850, 800, 500, 450, 100, 780, 80];

#[test]
fn use_takes_at_most_twelve_bytes_a_user_and_day() {
    const USERS: u64 = 10_000;
    let mut random = Random(41);
    // Some do much of everything and some little, as long as they are there.
    let paces: Vec<u64> = (0..USERS).map(|_| 1 + random.skewed(40)).collect();
    let store = in_memory(&MemoryBackend::new());
    let mut by_day = Vec::new();
    let mut before = 0;
    for day in 0..7 {
        let share = if day < 5 { 100 } else { 15 };
        let mut staging = store.stage(&contoso(), run(&contoso(), day + 1).id);
        for (workload, used_by) in Workload::ALL.into_iter().zip(USED_BY) {
            let used_by = used_by * share / 100;
            let ago = 6 - day as u64;
            let day = samples::paced_day(workload, ago, &paces, used_by, &mut random);
            staging.put_usage_day(&day).unwrap();
        }
        let number = day + 1;
        staging
            .commit(&run(&contoso(), number), as_of(number))
            .unwrap();
        let facts = store.facts(&contoso()).unwrap();
        let bytes: u64 = facts.segments().map(|segment| segment.bytes).sum();
        by_day.push((bytes - before) as f64 / USERS as f64);
        before = bytes;
    }
    let week = by_day.iter().sum::<f64>() / 7.0;
    let busiest = by_day.iter().copied().fold(0.0, f64::max);
    println!("{week:.1} bytes a user and day over a week, {busiest:.1} on its busiest day");
    assert!(busiest <= 12.0, "{busiest}");
    assert!(week <= 12.0, "{week}");
}

#[test]
fn a_change_of_a_user_takes_few_bytes() {
    const USERS: u64 = 100_000;
    let mut random = Random(43);
    let store = in_memory(&MemoryBackend::new());
    let (mut changes, mut in_memory, mut names) = (0, 0, 0);
    for number in 1..=30 {
        let own = samples::user_changes(30 - number as u64, USERS, &mut random);
        changes += own
            .changes
            .groups()
            .map(|group| u64::from(group.count))
            .sum::<u64>();
        in_memory += own.changes.bytes().len() as u64;
        names += own.former.len() as u64;
        let mut staging = store.stage(&contoso(), run(&contoso(), number).id);
        staging.put_user_changes(&own).unwrap();
        staging
            .commit(&run(&contoso(), number), as_of(number))
            .unwrap();
    }
    let facts = store.facts(&contoso()).unwrap();
    let bytes: u64 = facts.segments().map(|segment| segment.bytes).sum();
    let a_change = |bytes: u64| bytes as f64 / changes as f64;
    println!(
        "{:.1} bytes a change on disk, a name for {:.0} % of them among it; {:.1} in memory without names",
        a_change(bytes),
        a_change(names * 100),
        a_change(in_memory)
    );
    assert!(a_change(bytes) < 6.0, "{}", a_change(bytes));
    assert!(a_change(in_memory) < 6.0, "{}", a_change(in_memory));
}
