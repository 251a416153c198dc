//! Connections, secrets, names, the catalog and the token's hash.

use secrecy::{ExposeSecret, SecretString};

use super::*;
use crate::domain::tenant::{Connection, TenantAccess};
use crate::store::backend::Table;
use crate::store::{SecretKind, keys};

fn text(secret: Option<SecretString>) -> Option<String> {
    secret.map(|secret| secret.expose_secret().to_owned())
}

#[test]
fn a_connection_is_saved_with_or_without_its_token() {
    let store = in_memory(&MemoryBackend::new());
    let kind = SecretKind::RefreshToken;
    assert_eq!(store.connection(&contoso()).unwrap(), None);
    assert_eq!(text(store.secret(&contoso(), kind).unwrap()), None);
    let app = Connection::new(TenantAccess::App);
    let delegated = Connection {
        granted_scopes: Some(vec![]),
        ..Connection::new(TenantAccess::Delegated)
    };
    store
        .save_connection(&contoso(), &app, Some(Some(&"one".into())))
        .unwrap();
    store.save_connection(&contoso(), &delegated, None).unwrap();
    assert_eq!(
        store.connection(&contoso()).unwrap(),
        Some(delegated.clone())
    );
    assert_eq!(
        text(store.secret(&contoso(), kind).unwrap()).as_deref(),
        Some("one")
    );
    store.save_secret(&contoso(), kind, &"two".into()).unwrap();
    assert_eq!(
        text(store.secret(&contoso(), kind).unwrap()).as_deref(),
        Some("two")
    );
    store
        .save_connection(&contoso(), &delegated, Some(None))
        .unwrap();
    assert_eq!(text(store.secret(&contoso(), kind).unwrap()), None);
}

#[test]
fn a_ciphertext_moved_to_another_tenant_is_damage_and_the_others_work() {
    let backend = MemoryBackend::new();
    let store = in_memory(&backend);
    let (fabrikam, kind) = (tenant("fabrikam"), SecretKind::RefreshToken);
    store.save_secret(&contoso(), kind, &"ours".into()).unwrap();
    store
        .save_secret(&fabrikam, kind, &"theirs".into())
        .unwrap();
    backend.edit(|values| {
        // With a fresh checksum, as somebody would who knows the format.
        let (from, to) = (
            keys::secret(&fabrikam, kind),
            keys::secret(&contoso(), kind),
        );
        let sealed = values.get(&(Table::Secret, from.bytes.clone())).unwrap();
        let sealed =
            crate::store::envelope::open(&from, crate::store::envelope::Kind::Secret, sealed)
                .unwrap();
        let moved =
            crate::store::envelope::seal(&to, crate::store::envelope::Kind::Secret, &sealed);
        values.insert((Table::Secret, to.bytes), moved);
    });
    assert!(matches!(
        store.secret(&contoso(), kind),
        Err(Error::Damaged(_))
    ));
    assert_eq!(
        text(store.secret(&fabrikam, kind).unwrap()).as_deref(),
        Some("theirs")
    );
}

#[test]
fn license_names_are_saved_replaced_and_deleted() {
    let store = in_memory(&MemoryBackend::new());
    let [first, second] = [1, 2].map(|id| crate::domain::ids::SkuId(Uuid::from_u128(id)));
    store
        .save_license_name(&contoso(), second, Some("Desk phones ☎"))
        .unwrap();
    store
        .save_license_name(&contoso(), first, Some("Everyone"))
        .unwrap();
    store
        .save_license_name(&contoso(), first, Some("Staff"))
        .unwrap();
    let names = store.license_names(&contoso()).unwrap();
    assert_eq!(
        names,
        [
            (first, "Staff".to_owned()),
            (second, "Desk phones ☎".to_owned())
        ]
    );
    assert_eq!(store.license_names(&tenant("fabrikam")).unwrap(), []);
    store.save_license_name(&contoso(), first, None).unwrap();
    assert_eq!(store.license_names(&contoso()).unwrap().len(), 1);
    assert!(
        store
            .save_license_name(&contoso(), first, Some(&"x".repeat(9_000)))
            .is_ok(),
        "it compresses"
    );
}

#[test]
fn a_record_too_long_to_keep_is_refused_and_the_store_stays_writable() {
    let store = in_memory(&MemoryBackend::new());
    let mut random = crate::store::samples::Random(1);
    let noise: String = (0..2_000)
        .map(|_| format!("{:016x}", random.next()))
        .collect();
    let id = crate::domain::ids::SkuId(Uuid::nil());
    assert!(matches!(
        store.save_license_name(&contoso(), id, Some(&noise)),
        Err(Error::Io(_))
    ));
    assert_eq!(store.health(), crate::store::Health::Ok);
    store
        .save_license_name(&contoso(), id, Some("Short"))
        .unwrap();
}

#[test]
fn a_catalog_of_any_length_is_saved_and_replaced() {
    let backend = MemoryBackend::new();
    let store = in_memory(&backend);
    assert_eq!(store.catalog().unwrap(), None);
    let mut random = crate::store::samples::Random(1);
    let long: String = (0..9_000)
        .map(|_| format!("{:016x}\n", random.next()))
        .collect();
    for text in [long.as_str(), "short", "", &long] {
        store.save_catalog(text).unwrap();
        assert_eq!(store.catalog().unwrap().as_deref(), Some(text));
    }
    store.save_catalog("short").unwrap();
    assert_eq!(backend.count(Table::Catalog), 2);
    backend.edit(|values| drop(values.remove(&(Table::Catalog, keys::catalog_part(1).bytes))));
    assert!(matches!(store.catalog(), Err(Error::Damaged(_))));
}

#[test]
fn the_hash_of_the_admin_token_is_kept() {
    let store = in_memory(&MemoryBackend::new());
    assert_eq!(store.admin_token_hash().unwrap(), None);
    store.save_admin_token_hash([9; 32]).unwrap();
    assert_eq!(store.admin_token_hash().unwrap(), Some([9; 32]));
}

#[test]
fn a_purged_tenant_leaves_no_record() {
    let backend = MemoryBackend::new();
    let store = in_memory(&backend);
    let first = whole_world(30);
    commit(&store, &contoso(), 1, &first).unwrap();
    let mut staging = store.stage(&contoso(), run(&contoso(), 2).id);
    staging.checkpoint(as_of(2), b"note").unwrap();
    drop(staging);
    store
        .save_connection(
            &contoso(),
            &Connection::new(TenantAccess::App),
            Some(Some(&"token".into())),
        )
        .unwrap();
    store
        .save_license_name(
            &contoso(),
            crate::domain::ids::SkuId(Uuid::nil()),
            Some("Name"),
        )
        .unwrap();
    store.purge(&contoso(), None).unwrap();
    for table in keys::TENANT_TABLES {
        assert_eq!(backend.count(table), 0, "{table:?}");
    }
    store.purge(&contoso(), None).unwrap();
}

#[test]
fn a_purge_leaves_the_connection_that_it_is_given_whatever_fails() {
    use crate::domain::tenant::ConnectionState;
    use crate::store::memory::Surviving;
    let backend = MemoryBackend::new();
    let store = in_memory(&backend);
    commit(&store, &contoso(), 1, &world(30, 4)).unwrap();
    let connected = Connection {
        state: ConnectionState::Connected,
        ..Connection::new(TenantAccess::Delegated)
    };
    let ended = Connection {
        state: ConnectionState::Disconnected,
        ..Connection::new(TenantAccess::Delegated)
    };
    store
        .save_connection(&contoso(), &connected, Some(Some(&"token".into())))
        .unwrap();
    let mut purged = 0;
    for surviving in Surviving::EACH {
        for call in 1.. {
            let copy = backend.after_crash(Surviving::Nothing);
            let store = in_memory(&copy);
            copy.fail_at(call, Error::DiskFull, surviving);
            let result = store.purge(&contoso(), Some(&ended));
            let has_failed = copy.has_failed();
            let reopened = in_memory(&copy.after_crash(surviving));
            let (number, _) = load(&reopened, &contoso()).unwrap();
            let kind = SecretKind::RefreshToken;
            let token = reopened.secret(&contoso(), kind).unwrap();
            match reopened.connection(&contoso()).unwrap() {
                Some(found) if found == connected => {
                    assert!(result.is_err() && number == 1 && token.is_some());
                }
                Some(found) if found == ended => {
                    assert!(number == 0 && token.is_none());
                    purged += 1;
                }
                other => panic!("call {call}: {other:?}"),
            }
            if !has_failed {
                assert_eq!(result, Ok(()));
                break;
            }
        }
    }
    assert!(purged > Surviving::EACH.len());
}

#[test]
fn a_sync_does_not_begin_with_too_little_room() {
    let key = EncryptionKey::random();
    let check = |free_bytes_min: u64| {
        // The engine in memory has 1 MiB free.
        Store::open_on(MemoryBackend::new(), key.clone(), free_bytes_min, LAYOUT)
            .unwrap()
            .check_free_space()
    };
    assert_eq!(check(0), Ok(()));
    assert_eq!(check(1 << 20), Ok(()));
    assert_eq!(check((1 << 20) + 1), Err(Error::DiskFull));
    let store = Store::open_on(MemoryBackend::new(), key.clone(), 1, LAYOUT).unwrap();
    let mut random = crate::store::samples::Random(1);
    let long: String = (0..80_000)
        .map(|_| format!("{:016x}\n", random.next()))
        .collect();
    assert_eq!(store.check_free_space(), Ok(()));
    store.save_catalog(&long).unwrap();
    assert_eq!(
        store.check_free_space(),
        Err(Error::DiskFull),
        "twice the store"
    );
}
