//! How the organization stands with Microsoft, as tests and demos switch it: what it bought, what its
//! cloud lacks, and what its delta tokens are worth.

use super::graph::error::GraphError;

/// Which premium of the directory the organization has: it decides whether sign-ins are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Premium {
    /// None. The plans are still listed, as deleted.
    None,
    /// Entra ID P1.
    P1,
    /// Entra ID P2, which contains P1.
    P2,
}

/// How Graph says that a delta token is of no use any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeltaEnd {
    /// 410 with the address to begin anew.
    Gone410WithLocation,
    /// 400 `SyncStateNotFound`.
    SyncStateNotFound400,
    /// 400 `BadRequest`, which could be anything.
    BadRequest400,
}

/// Where the organization lives; a cloud lacks what Microsoft does not offer there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloud {
    /// Everything.
    Global,
    /// No usage reports.
    UsGovernment,
    /// No usage reports and no directory audits.
    China,
}

/// How an endpoint that a cloud lacks answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// 404, as if the path had never been.
    NotFound404,
    /// 400: "Resource not found for the segment".
    BadRequest400,
}

/// Rows of a page of a delta round, as the server chooses.
const DELTA_PAGE_ROWS: usize = 250;

/// How the organization stands with Microsoft.
pub(crate) struct Tenancy {
    pub(crate) premium: Premium,
    /// Azure AD B2C: no changes, no sign-ins.
    pub(crate) is_b2c: bool,
    /// Larger pages with `signInActivity` are refused; `None`: they are cut to 500.
    pub(crate) sign_in_page_max: Option<usize>,
    pub(crate) delta_page_rows: usize,
    /// Delta tokens of an earlier epoch are of no use.
    pub(crate) delta_epoch: u64,
    pub(crate) delta_end: DeltaEnd,
    /// Changes of users are told up to this version of the organization; `None`: all of them.
    pub(crate) users_told_until: Option<u64>,
    /// Delta tokens so far: each is another.
    delta_tokens: u64,
    /// Paths below the version that are not there, with everything below them.
    missing: Vec<(String, Missing)>,
}

impl Default for Tenancy {
    fn default() -> Self {
        Self {
            premium: Premium::P1,
            is_b2c: false,
            sign_in_page_max: None,
            delta_page_rows: DELTA_PAGE_ROWS,
            delta_epoch: 0,
            delta_end: DeltaEnd::Gone410WithLocation,
            users_told_until: None,
            delta_tokens: 0,
            missing: Vec::new(),
        }
    }
}

impl Tenancy {
    /// Whether sign-ins are told.
    pub(crate) fn has_premium(&self) -> bool {
        self.premium >= Premium::P1 && !self.is_b2c
    }

    /// The number of another delta token.
    pub(crate) fn next_delta_token(&mut self) -> u64 {
        self.delta_tokens += 1;
        self.delta_tokens
    }

    /// Takes an endpoint away, and what is below it.
    pub(crate) fn withhold(&mut self, path: &str, how: Missing) {
        self.missing.push((path.to_owned(), how));
    }

    /// Puts the organization into a cloud; whatever was taken away before is back.
    pub(crate) fn set_cloud(&mut self, cloud: Cloud) {
        let lacks: &[&str] = match cloud {
            Cloud::Global => &[],
            Cloud::UsGovernment => &["/reports", "/copilot", "/admin/reportSettings"],
            Cloud::China => &[
                "/reports",
                "/copilot",
                "/admin/reportSettings",
                "/auditLogs/directoryAudits",
            ],
        };
        self.missing = lacks
            .iter()
            .map(|&path| (path.to_owned(), Missing::BadRequest400))
            .collect();
    }

    /// Fails where the path, with its version, is not there.
    pub(crate) fn check_there(&self, path: &str) -> Result<(), GraphError> {
        let below = path.strip_prefix("/v1.0").unwrap_or(path);
        let missing = self.missing.iter().find(|(prefix, _)| {
            below.strip_prefix(prefix.as_str()).is_some_and(|rest| {
                rest.is_empty() || rest.starts_with('/') || rest.starts_with('(')
            })
        });
        let segment = below.trim_start_matches('/');
        let words = format!("Resource not found for the segment '{segment}'.");
        match missing {
            None => Ok(()),
            Some((_, Missing::NotFound404)) => Err(GraphError::new(404, "ResourceNotFound", words)),
            Some((_, Missing::BadRequest400)) => Err(GraphError::new(400, "BadRequest", words)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_lacks_a_path_and_what_is_below_it() {
        let check = |cloud: Cloud, path: &str, expected: Option<u16>| {
            let mut tenancy = Tenancy::default();
            tenancy.set_cloud(cloud);
            let status = tenancy.check_there(path).err().map(|error| error.status);
            assert_eq!(status, expected, "{path} in {cloud:?}");
        };
        let report = "/v1.0/reports/getOffice365ActiveUserDetail(period='D7')";
        check(Cloud::Global, report, None);
        check(Cloud::UsGovernment, report, Some(400));
        check(Cloud::China, report, Some(400));
        check(Cloud::China, "/v1.0/reportsOfOthers", None);
        check(Cloud::UsGovernment, "/v1.0/auditLogs/directoryAudits", None);
        check(Cloud::China, "/v1.0/auditLogs/directoryAudits", Some(400));
        check(Cloud::China, "/v1.0/auditLogs/signIns", None);
        for cloud in [Cloud::Global, Cloud::UsGovernment, Cloud::China] {
            check(cloud, "/v1.0/users/delta", None);
        }
    }
}
