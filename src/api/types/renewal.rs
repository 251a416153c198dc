//! Renewals: which come, and what to order.

use std::sync::Arc;

use async_graphql::{Enum, Object, SimpleObject};

use super::money::Money;
use super::reading::Reading;
use super::tenant_subscription::TenantSubscription;
use crate::api::error::Error;
use crate::api::scalars::{Date, int};
use crate::domain::declared::Bought;
use crate::domain::ids::TenantKey;
use crate::domain::license::License;
use crate::domain::renewal::plan::{self, PlanRequest};
use crate::domain::renewal::{reminder, upcoming};
use crate::domain::subscription::Subscription;
use crate::engine::TenantIndex;

/// The farthest day that renewals are listed for: the longest term, and as much again.
pub(crate) const DAYS_AHEAD_MAX: i32 = 2_200;

/// A license with its purchases, at the prices of the moment.
pub(crate) fn bought<'a>(
    reading: &Reading,
    index: &'a TenantIndex,
    license: &License,
) -> Bought<'a> {
    let subscriptions: &'a [Subscription] = index.subscriptions();
    let declared = reading.declared();
    declared.bought(index.key(), license, subscriptions, reading.today())
}

/// The schema's description is on its `Object`.
pub(crate) struct Renewal {
    reading: Arc<Reading>,
    index: Arc<TenantIndex>,
    renewal: upcoming::Renewal,
}

impl Renewal {
    /// Those of every tenant, or of one, from today within so many days: the soonest first.
    pub(crate) fn within(
        reading: &Arc<Reading>,
        days: i32,
        tenant: Option<&TenantKey>,
    ) -> Result<Vec<Self>, Error> {
        let days = u32::try_from(days).ok().filter(|_| days <= DAYS_AHEAD_MAX);
        let days = days.ok_or_else(|| {
            Error::bad_input(format!("`withinDays` takes 0 to {DAYS_AHEAD_MAX}."))
        })?;
        let policy = reading.declared().policy;
        let mut renewals = Vec::new();
        let indexes = reading.indexes().iter();
        for index in indexes.filter(|index| tenant.is_none_or(|key| key == index.key())) {
            let licenses = index.licenses().iter().map(|entry| &entry.license);
            let bought: Vec<_> = licenses
                .map(|license| (license.sku_id, bought(reading, index, license)))
                .filter(|(_, bought)| bought.has_purchases())
                .collect();
            let holdings: Vec<_> = bought
                .iter()
                .map(|(sku_id, bought)| bought.holding(index.reclaimable_seats(*sku_id)))
                .collect();
            let soon = upcoming::upcoming(&holdings, days, reading.today(), policy);
            renewals.extend(soon.into_iter().map(|renewal| Self {
                reading: reading.clone(),
                index: index.clone(),
                renewal,
            }));
        }
        // Each tenant's are in order, and the sort leaves equals as they are.
        renewals.sort_by_key(|own| own.renewal.on);
        Ok(renewals)
    }
}

/// A purchase that renews, or changes its state, before long. `assigned` and `active` are those of the
/// license: Microsoft does not say from which of its subscriptions a seat comes.
#[Object]
impl Renewal {
    /// The purchase.
    async fn subscription(&self) -> Result<TenantSubscription, Error> {
        TenantSubscription::find(&self.reading, &self.index, self.renewal.subscription)
            .ok_or_else(|| Error::internal("an index lost a subscription that renews"))
    }

    /// The declared renewal, else the day of the next change of state, in UTC.
    async fn on(&self) -> Date {
        Date(self.renewal.on)
    }

    /// Whether that day was declared; otherwise it is Microsoft's next change of state, which need not be
    /// the renewal.
    async fn is_declared(&self) -> bool {
        self.renewal.is_declared
    }

    /// Days until then; 0 on the day.
    async fn days_left(&self) -> i32 {
        int(self.renewal.days_left)
    }

    /// What to do now; null before the first step.
    async fn reminder(&self) -> Option<Reminder> {
        self.renewal.reminder.map(Reminder::from)
    }

    /// How many seats were bought; null where Microsoft does not say.
    async fn seats(&self) -> Option<i32> {
        self.renewal.seats.map(int)
    }

    /// Seats of the license that are in use, by Microsoft's count.
    async fn assigned(&self) -> i32 {
        int(self.renewal.assigned)
    }

    /// Holders of the license who are `ACTIVE`; null while nobody's activity can be told.
    async fn active(&self) -> Option<i32> {
        let subscription = self.index.subscription(self.renewal.subscription)?;
        let holders = self.index.holders_by_activity(subscription.sku_id);
        let [active, inactive, never, unknown] = holders;
        let is_anybody_known = active + inactive + never > 0;
        (is_anybody_known || unknown == 0).then(|| int(active))
    }

    /// How many seats to keep: those in use and a few to spare, of several purchases the one that may
    /// become smaller first does. Null for a trial and for what is suspended.
    async fn recommended_seats(&self) -> Option<i32> {
        self.renewal.recommended_seats.map(int)
    }

    /// What the seats that could go cost in a year; null without a price.
    async fn gross_savings(&self) -> Option<Money> {
        self.renewal.gross.map(Money::from)
    }

    /// The part of it that the term allows within the next 12 months; null while the term is unknown.
    async fn realizable_savings(&self) -> Option<Money> {
        self.renewal.realizable.map(Money::from)
    }
}

/// A step on the way to a renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "reminder::Reminder")]
pub(crate) enum Reminder {
    /// 120 days before: see who does not need a seat.
    Review,
    /// 90 days before: keep the evidence that the decision will rest on.
    EvidenceFreeze,
    /// 60 days before: decide how many seats are needed.
    Decide,
    /// 30 days before: order them.
    Order,
    /// 7 days before: see that the order is as decided.
    LastCheck,
    /// It renews today: for a few days its seats may still become fewer.
    ReductionWindow,
}

/// What to order of a license: a pure function of the arguments, the facts and the prices of today.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct RenewalPlan {
    /// Seats that will be in use: those in use now, and who comes less who goes.
    needed: i32,
    /// Seats to keep free.
    buffer: i32,
    /// Seats to hold after the renewal: `needed` and `buffer`.
    order: i32,
    /// Seats that are held now and not ordered.
    drop: i32,
    /// What the dropped seats cost in a year; null where one has no price, or several currencies.
    gross_savings: Option<Money>,
    /// What of it the terms allow within `horizonMonths`: from the first day on which the seats may
    /// fall. Null where `grossSavings` is, or where a purchase that has to become smaller has unknown
    /// terms.
    realizable_savings: Option<Money>,
    /// Free seats to give out to those who come, before any are bought.
    reassign_first: i32,
    /// Seats to buy for those who come, once these are given out.
    buy: i32,
}

impl RenewalPlan {
    pub(crate) fn of(
        reading: &Reading,
        index: &TenantIndex,
        license: &License,
        request: PlanRequest,
    ) -> Self {
        let bought = bought(reading, index, license);
        let holding = bought.holding(index.reclaimable_seats(license.sku_id));
        let policy = reading.declared().policy;
        holding.plan(request, reading.today(), policy).into()
    }
}

impl From<plan::RenewalPlan> for RenewalPlan {
    fn from(plan: plan::RenewalPlan) -> Self {
        Self {
            needed: int(plan.needed),
            buffer: int(plan.buffer),
            order: int(plan.order),
            drop: int(plan.drop),
            gross_savings: plan.gross.map(Money::from),
            realizable_savings: plan.realizable.map(Money::from),
            reassign_first: int(plan.reassign_first),
            buy: int(plan.buy),
        }
    }
}
