//! stub
use crate::domain::standing::{Fetched, FormerName, Standing};
use crate::domain::sync_run::Dataset;
use crate::engine::{Directory, HistoryDraft, UsersDraft};
use crate::msgraph::{self, Client, Meter, Quarantined};
use crate::store::{self, Staging};
use jiff::Timestamp;
pub(in crate::sync) struct Applied {
    pub(in crate::sync) unmatched: u64,
    pub(in crate::sync) changed: u64,
    pub(in crate::sync) standing: Standing,
}
pub(in crate::sync) struct Joiner<'a>(&'a ());
impl<'a> Joiner<'a> {
    pub(in crate::sync) fn new(_d: &'a Directory, _f: &'a [FormerName]) -> Self {
        todo!()
    }
}
pub(in crate::sync) fn due(_d: Dataset, _s: &Standing, _n: Timestamp) -> Vec<Fetched> {
    todo!()
}
pub(in crate::sync) struct ReportReading {}
impl ReportReading {
    pub(in crate::sync) fn rows(&self) -> u64 {
        todo!()
    }
    pub(in crate::sync) fn quarantined(&self) -> u64 {
        todo!()
    }
    pub(in crate::sync) fn example(&self) -> Option<&Quarantined> {
        todo!()
    }
    pub(in crate::sync) fn is_concealed(&self) -> bool {
        todo!()
    }
    pub(in crate::sync) fn is_empty(&self) -> bool {
        todo!()
    }
    pub(in crate::sync) fn apply(
        self,
        _j: &Joiner<'_>,
        _d: &mut UsersDraft,
        _h: &mut HistoryDraft,
        _s: &mut Staging,
    ) -> Result<Applied, store::Error> {
        todo!()
    }
}
pub(in crate::sync) async fn read_report(
    _c: &Client,
    _s: &Standing,
    _m: &Meter,
    _n: Timestamp,
) -> Result<ReportReading, msgraph::Error> {
    todo!()
}
pub(in crate::sync) trait LogReading {
    fn rows(&self) -> u64;
    fn quarantined(&self) -> u64;
    fn example(&self) -> Option<&Quarantined>;
    fn apply(self, d: &mut UsersDraft, s: &mut Staging) -> Result<Applied, store::Error>;
}
pub(in crate::sync) struct SignInReading {}
impl LogReading for SignInReading {
    fn rows(&self) -> u64 {
        todo!()
    }
    fn quarantined(&self) -> u64 {
        todo!()
    }
    fn example(&self) -> Option<&Quarantined> {
        todo!()
    }
    fn apply(self, _d: &mut UsersDraft, _s: &mut Staging) -> Result<Applied, store::Error> {
        todo!()
    }
}
pub(in crate::sync) async fn read_sign_ins(
    _c: &Client,
    _s: &Standing,
    _p: bool,
    _m: &Meter,
    _n: Timestamp,
) -> Result<SignInReading, msgraph::Error> {
    todo!()
}
pub(in crate::sync) async fn read_directory_audits(
    _c: &Client,
    _s: &Standing,
    _p: bool,
    _m: &Meter,
    _n: Timestamp,
) -> Result<SignInReading, msgraph::Error> {
    todo!()
}
