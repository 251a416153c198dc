//! What a request wants to know: which report, of which days.

use super::report::Arguments;
use super::report::Report;
use crate::simulator::graph::error::GraphError;
use crate::simulator::switches::Shape;
use crate::simulator::world::World;

/// `date=` reaches back so far.
const DATES_KEPT_DAYS: i64 = 30;

/// A report of certain days.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(super) report: &'static Report,
    /// The first day that is counted.
    pub(super) first: i64,
    /// The last one.
    pub(super) last: i64,
    /// Only who was active in these days is in it: that is so of a single date.
    pub(super) is_date: bool,
    /// `Report Refresh Date`: nothing newer is known.
    pub(super) refreshed_on: i64,
    /// What was switched when it was asked for.
    pub(super) shape: Shape,
    /// Whose report it is.
    pub(super) tenant_name: String,
}

impl Asked {
    /// Reads a call such as `getEmailActivityUserDetail(period='D7')`.
    pub(super) fn parse(
        world: &World,
        reports: &[&'static Report],
        call: &str,
    ) -> Result<Self, GraphError> {
        let (name, arguments) = match call.split_once('(') {
            Some((name, rest)) => (name, rest.strip_suffix(')')),
            None => (call, Some("")),
        };
        let report = reports
            .iter()
            .find(|report| report.function.eq_ignore_ascii_case(name));
        let (Some(report), Some(arguments)) = (report, arguments) else {
            return Err(GraphError::new(
                404,
                "BadRequest",
                format!("Resource not found for the segment '{name}'."),
            ));
        };
        let today = world.today();
        let shape = world.switches().shape.clone();
        let refreshed_on = today - shape.report_lag_days;
        let days = match (report.arguments, arguments.split_once('=')) {
            (Arguments::Nothing, None) if arguments.is_empty() => Days::Period(1),
            (Arguments::PeriodOrDate | Arguments::Period, Some(("period", text))) => period(text)?,
            (Arguments::PeriodOrDate, Some(("date", text))) => date(text, today)?,
            _ => {
                return Err(GraphError::new(
                    400,
                    "BadRequest",
                    "The parameters of the function do not match its definition. Specify either 'period' or 'date'.",
                ));
            }
        };
        let (first, last, is_date) = match days {
            Days::Period(days) => (refreshed_on - days + 1, refreshed_on, false),
            Days::Date(day) => (day, day, true),
        };
        Ok(Self {
            report,
            first,
            last,
            is_date,
            refreshed_on,
            shape,
            tenant_name: world.organization.name.clone(),
        })
    }

    /// Everything that the report's text depends on, besides the organization.
    pub(super) fn content(&self) -> String {
        let mut shape = self.shape.clone();
        shape.report_lag_days = 0; // The refresh date says how late it is.
        format!(
            "{} {} {} {} {} {shape:?}",
            self.report.function, self.first, self.last, self.is_date, self.refreshed_on,
        )
    }

    /// Whether the service has no line of any of these days.
    pub(super) fn is_unpopulated(&self) -> bool {
        self.shape.reports_are_empty || (self.is_date && self.last > self.refreshed_on)
    }
}

enum Days {
    /// So many, ending on the refresh date.
    Period(i64),
    Date(i64),
}

fn period(text: &str) -> Result<Days, GraphError> {
    match text {
        "'D7'" => Ok(Days::Period(7)),
        "'D30'" => Ok(Days::Period(30)),
        "'D90'" => Ok(Days::Period(90)),
        "'D180'" => Ok(Days::Period(180)),
        _ => Err(GraphError::new(
            400,
            "BadRequest",
            format!(
                "Invalid period value specified: {text}. Supported values are: D7, D30, D90, D180."
            ),
        )),
    }
}

fn date(text: &str, today: i64) -> Result<Days, GraphError> {
    let is_written_well =
        text.len() == 10 && text.bytes().filter(|&byte| byte == b'-').count() == 2;
    let parsed: Option<jiff::civil::Date> = text.parse().ok().filter(|_| is_written_well);
    let day = parsed.map(|date| {
        let since = date.duration_since(jiff::civil::date(1970, 1, 1));
        since.as_secs() / 86_400
    });
    day.filter(|&day| (today - DATES_KEPT_DAYS..=today).contains(&day))
        .map(Days::Date)
        .ok_or_else(|| {
            GraphError::new(400, "BadRequest", format!("Invalid date value specified: {text}. Only supports data for the past {DATES_KEPT_DAYS} days in the YYYY-MM-DD format."))
        })
}
