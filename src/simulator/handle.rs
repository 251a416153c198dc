//! What a demo or a test does with a simulated Microsoft while it runs.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::faults::Fault;
use super::login::tokens::TokenRequests;
use super::organization::person::SERVICE_ACCOUNT;
use super::organization::products::PRODUCTS;
use super::organization::user_id;
use super::recorder::RecordedRequest;
use super::registration::RegisteredCertificate;
use super::registration::SignIn;
use super::world::World;

/// The strings of a running simulator; clones pull the same.
#[derive(Clone)]
pub struct Handle {
    pub(super) world: Arc<World>,
}

/// Who and where it is.
impl Handle {
    pub(crate) fn new(world: Arc<World>) -> Self {
        Self { world }
    }

    /// `http://127.0.0.1:{port}` of the login service.
    pub fn login_url(&self) -> &str {
        &self.world.login_url
    }

    /// `http://127.0.0.1:{port}` of Graph, without the version.
    pub fn graph_url(&self) -> &str {
        &self.world.graph_url
    }

    /// The organization's GUID.
    pub fn tenant_id(&self) -> String {
        self.world.organization.tenant_id.to_string()
    }

    /// The organization's name.
    pub fn organization_name(&self) -> &str {
        &self.world.organization.name
    }

    /// Its default verified domain, such as "contoso.com".
    pub fn domain(&self) -> &str {
        &self.world.organization.domain
    }

    /// The domain that it began with, such as "contoso.onmicrosoft.com".
    pub fn initial_domain(&self) -> &str {
        &self.world.organization.initial_domain
    }

    /// The registered application.
    pub fn client_id(&self) -> String {
        self.world.client_id.to_string()
    }

    /// The application's secret.
    pub fn client_secret(&self) -> String {
        self.world.registration().client_secret.clone()
    }

    /// The userPrincipalName of the account that signs in for delegated access.
    pub fn service_account(&self) -> String {
        let organization = &self.world.organization;
        let person = organization.view().person(SERVICE_ACCOUNT);
        person
            .map(|person| person.principal_name(organization))
            .unwrap_or_default()
    }
}

/// The organization, which lives.
impl Handle {
    /// How many accounts there are now.
    pub fn user_count(&self) -> u64 {
        self.world.organization.view().count()
    }

    /// Seats in use by part number, every holder once: what `consumedUnits` says.
    pub fn seats_in_use(&self) -> BTreeMap<&'static str, u64> {
        let seats = self.world.organization.view().seats_in_use();
        PRODUCTS
            .iter()
            .map(|product| product.part_number)
            .zip(seats)
            .collect()
    }

    /// Changes `count` accounts: a new department, office, surname, license, or they are disabled. The
    /// same round chooses the same accounts. Returns their object ids. The first three accounts are
    /// never edited.
    pub fn change_users(&self, count: u64, round: u32) -> Vec<String> {
        self.noted(self.world.organization.change(count, round))
    }

    /// Removes `count` accounts, a third of them for good and the others for a while; returns their
    /// object ids.
    pub fn remove_users(&self, count: u64) -> Vec<String> {
        self.noted(self.world.organization.remove(count))
    }

    /// Restores `count` accounts of those that were removed for a while, or as many as there are; returns
    /// their object ids.
    pub fn restore_users(&self, count: u64) -> Vec<String> {
        self.noted(self.world.organization.restore(count, true))
    }

    /// The same, and no delta round tells of it: Microsoft was seen to forget some.
    pub fn restore_users_untold(&self, count: u64) -> Vec<String> {
        self.noted(self.world.organization.restore(count, false))
    }

    /// Removes for good `count` accounts of those that were removed for a while, or as many as there
    /// are; returns their object ids.
    pub fn purge_users(&self, count: u64) -> Vec<String> {
        self.ids(self.world.organization.purge(count))
    }

    /// Adds `count` accounts; returns their object ids.
    pub fn add_users(&self, count: u64) -> Vec<String> {
        self.ids(self.world.organization.add(count))
    }

    /// The reports will have to know when this happened.
    fn noted(&self, indexes: Vec<u64>) -> Vec<String> {
        let view = self.world.organization.view();
        let today = self.world.today();
        self.world.happened().note(&view, &indexes, today);
        drop(view);
        self.ids(indexes)
    }

    pub(super) fn ids(&self, indexes: Vec<u64>) -> Vec<String> {
        let seed = self.world.organization.seed;
        indexes
            .into_iter()
            .map(|index| user_id(seed, index).to_string())
            .collect()
    }
}

/// The application's registration.
impl Handle {
    /// Registers another secret; the one before is refused from now on (AADSTS7000215).
    pub fn set_client_secret(&self, secret: &str) {
        let mut registration = self.world.registration();
        registration.client_secret = secret.to_owned();
        registration.is_secret_expired = false;
    }

    /// Lets the secret expire (AADSTS7000222).
    pub fn expire_client_secret(&self) {
        self.world.registration().is_secret_expired = true;
    }

    /// Registers a certificate (PEM). From the first one on, client assertions must be signed by a
    /// registered key; before, only their claims and the form of their thumbprint are looked at.
    /// Returns false when there is no certificate in `pem`.
    pub fn register_certificate(&self, pem: &str) -> bool {
        let certificate = RegisteredCertificate::parse(pem);
        let is_one = certificate.is_some();
        self.world.registration().certificates.extend(certificate);
        is_one
    }

    /// Registers a redirect URI. From the first one on, others are refused; before, every
    /// `/connect/callback` on loopback will do.
    pub fn register_redirect_uri(&self, uri: &str) {
        self.world
            .registration()
            .redirect_uris
            .insert(uri.to_owned());
    }

    /// What happens to whoever comes to the sign-in page.
    pub fn set_sign_in(&self, sign_in: SignIn) {
        self.world.registration().sign_in = sign_in;
    }

    /// Takes a permission away, from the application and from who signs in. It works at once, where
    /// Microsoft lets tokens run out that were given with it.
    pub fn withdraw_permission(&self, permission: &str) {
        let mut registration = self.world.registration();
        registration.application_permissions.remove(permission);
        registration.delegated_permissions.remove(permission);
    }

    /// Grants a permission, to the application and to who signs in.
    pub fn grant_permission(&self, permission: &str) {
        let mut registration = self.world.registration();
        registration
            .application_permissions
            .insert(permission.to_owned());
        registration
            .delegated_permissions
            .insert(permission.to_owned());
    }

    /// Takes the consent away under which codes and refresh tokens are redeemed (AADSTS65001), until
    /// somebody signs in again.
    pub fn withdraw_consent(&self) {
        self.world.registration().is_consent_given = false;
    }
}

/// Tokens.
impl Handle {
    /// `expires_in` of tokens from now on.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.world.tokens().lifetime = lifetime;
    }

    /// Ends all access tokens now: Graph answers 401 to them.
    pub fn expire_access_tokens(&self) {
        self.world.tokens().expire_access_tokens();
    }

    /// Revokes all refresh tokens (AADSTS50173).
    pub fn revoke_refresh_tokens(&self) {
        self.world.tokens().revoke_refresh_tokens();
    }

    /// Lets all refresh tokens expire (AADSTS700082).
    pub fn expire_refresh_tokens(&self) {
        self.world.tokens().expire_refresh_tokens();
    }

    /// Revokes the refresh tokens that were redeemed already; Microsoft does so when it likes.
    pub fn retire_redeemed_refresh_tokens(&self) {
        self.world.tokens().retire_redeemed_refresh_tokens();
    }

    /// How often tokens were asked for, by kind, since the start.
    pub fn token_requests(&self) -> TokenRequests {
        self.world.tokens().requests
    }

    /// Every code and token handed out, to search for where none may be.
    pub fn secrets(&self) -> BTreeSet<String> {
        let mut secrets = self.world.tokens().all_texts();
        secrets.insert(self.client_secret());
        secrets.extend(self.world.downloads.tokens());
        secrets
    }
}

/// Faults and what was asked.
impl Handle {
    /// Switches a fault on; it counts requests from now on.
    pub fn fault(&self, fault: Fault) {
        self.world.faults.arm(fault);
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.world.faults.clear();
    }

    /// How long every answer of Graph takes from now on.
    pub fn set_latency(&self, latency: Duration) {
        self.world.set_latency(latency);
    }

    /// All requests so far, in their order; of a long life the last hundred thousand.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.world.recorder.requests()
    }

    /// The requests, to any host, whose path begins so.
    pub fn requests_to(&self, prefix: &str) -> Vec<RecordedRequest> {
        let mut requests = self.requests();
        requests.retain(|request| request.path().starts_with(prefix));
        requests
    }

    /// Forgets all requests.
    pub fn clear_requests(&self) {
        self.world.recorder.clear();
    }

    /// How many requests ran at once, at most, since the start or since they were forgotten.
    pub fn concurrent_requests_max(&self) -> u64 {
        self.world.recorder.running_max()
    }
}
