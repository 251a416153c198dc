//! What seats cost: the operator's price book.
//!
//! Microsoft Graph tells no price, so every price is declared: for all tenants, for one, or for one
//! purchase; from a day, perhaps to another. Which one counts is decided by [`book`]; how prices go out
//! to a spreadsheet and come back by [`table`]; between currencies nothing is converted but with the
//! dated rates of [`exchange`].

pub mod book;
pub mod exchange;
pub mod table;

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::ids::{PriceId, SkuId, SubscriptionId, TenantKey};
use super::money::{BillingPeriod, Currency, InvalidAmount, InvalidCurrency, Rate};
use super::text::{Folded, tidy_name};

/// The longest name of a [`Segment`], in characters.
pub const SEGMENT_CHARACTERS_MAX: usize = 60;

/// The longest source of a price, in characters.
pub const SOURCE_CHARACTERS_MAX: usize = 500;

/// What one seat of a license costs, where and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// The key of the entry.
    pub id: PriceId,
    /// Whose price it is.
    pub scope: PriceScope,
    /// Of which license.
    pub sku_id: SkuId,
    /// Only for tenants of this segment; `None` for every segment.
    pub segment: Option<Segment>,
    /// The price of one seat.
    pub rate: Rate,
    /// For which time the price was told.
    pub per: BillingPeriod,
    /// On which days it holds.
    pub validity: Validity,
    /// Where the operator has it from: an invoice, a price list.
    pub source: Option<Source>,
}

/// Whose price it is, from the widest to the narrowest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PriceScope {
    /// Every tenant's.
    All,
    /// One tenant's.
    Tenant(TenantKey),
    /// That of one purchase of a tenant.
    Subscription(TenantKey, SubscriptionId),
}

impl PriceScope {
    /// The scope by what is named.
    pub fn new(
        tenant: Option<TenantKey>,
        subscription: Option<SubscriptionId>,
    ) -> Result<Self, InvalidPrice> {
        match (tenant, subscription) {
            (None, None) => Ok(Self::All),
            (Some(tenant), None) => Ok(Self::Tenant(tenant)),
            (Some(tenant), Some(subscription)) => Ok(Self::Subscription(tenant, subscription)),
            (None, Some(_)) => Err(InvalidPrice::SubscriptionWithoutTenant),
        }
    }

    /// The tenant, unless it is everybody's.
    pub fn tenant(&self) -> Option<&TenantKey> {
        match self {
            Self::All => None,
            Self::Tenant(tenant) | Self::Subscription(tenant, _) => Some(tenant),
        }
    }

    /// The purchase, where it is that of one.
    pub fn subscription(&self) -> Option<SubscriptionId> {
        match self {
            Self::All | Self::Tenant(_) => None,
            Self::Subscription(_, subscription) => Some(*subscription),
        }
    }
}

/// The kind of customer that a price list is for, such as "Education". The operator chooses the words;
/// case and surrounding space make no difference.
#[derive(Debug, Clone)]
pub struct Segment {
    name: String,
    folded: Folded,
}

impl Segment {
    /// Reads a name; `None` of nothing but space.
    pub fn parse(text: &str) -> Result<Option<Self>, InvalidPrice> {
        let name = tidy_name(text);
        match name.chars().count() {
            0 => Ok(None),
            1..=SEGMENT_CHARACTERS_MAX => Ok(Some(Self {
                folded: Folded::new(&name),
                name,
            })),
            _ => Err(InvalidPrice::LongSegment),
        }
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

impl PartialEq for Segment {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for Segment {}

/// Where a price is from, in the operator's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source(String);

impl Source {
    /// Reads a text; `None` of nothing but space.
    pub fn parse(text: &str) -> Result<Option<Self>, InvalidPrice> {
        let text = tidy_name(text);
        match text.chars().count() {
            0 => Ok(None),
            1..=SOURCE_CHARACTERS_MAX => Ok(Some(Self(text))),
            _ => Err(InvalidPrice::LongSource),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The days on which a price holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    from: Date,
    to: Option<Date>,
}

impl Validity {
    /// From a day to another, both inclusive; without an end where there is none yet.
    pub fn new(from: Date, to: Option<Date>) -> Result<Self, InvalidPrice> {
        match to {
            Some(to) if to < from => Err(InvalidPrice::EndsBeforeItBegins { from, to }),
            _ => Ok(Self { from, to }),
        }
    }

    /// The first day.
    pub fn from(self) -> Date {
        self.from
    }

    /// The last day; `None` while there is none.
    pub fn to(self) -> Option<Date> {
        self.to
    }

    /// Whether a day is among them.
    pub fn holds_on(self, day: Date) -> bool {
        self.from <= day && self.is_open_on(day)
    }

    /// Whether a day is among them or before.
    fn is_open_on(self, day: Date) -> bool {
        self.to.is_none_or(|to| day <= to)
    }

    /// Whether a day is among both.
    pub fn overlaps(self, other: Self) -> bool {
        self.is_open_on(other.from) && other.is_open_on(self.from)
    }
}

/// "from 2026-01-01 to 2026-06-30"
impl std::fmt::Display for Validity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.to {
            Some(to) => write!(formatter, "from {} to {to}", self.from),
            None => write!(formatter, "from {} on", self.from),
        }
    }
}

/// A price as an operator tells it, before anything of it was checked.
#[derive(Debug, Clone)]
pub struct ToldPrice<'a> {
    /// The tenant; `None` for all.
    pub tenant: Option<TenantKey>,
    /// The purchase; `None` for all of the license.
    pub subscription: Option<SubscriptionId>,
    /// The license.
    pub sku_id: SkuId,
    /// The segment, if the price is for one only.
    pub segment: Option<&'a str>,
    /// What one seat costs.
    pub amount: Decimal,
    /// In which currency, as a code of ISO 4217.
    pub currency: &'a str,
    /// For which time.
    pub per: BillingPeriod,
    /// The first day.
    pub valid_from: Date,
    /// The last day.
    pub valid_to: Option<Date>,
    /// Where it is from.
    pub source: Option<&'a str>,
}

/// Why what was told is not a price. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPrice {
    /// The amount is not one.
    #[error(transparent)]
    Amount(#[from] InvalidAmount),
    /// The currency is not one.
    #[error(transparent)]
    Currency(#[from] InvalidCurrency),
    /// The last day is before the first.
    #[error("validTo {to} is before validFrom {from}; a price for one day has both the same")]
    EndsBeforeItBegins {
        /// The first day.
        from: Date,
        /// The last day.
        to: Date,
    },
    /// A purchase is always that of a tenant.
    #[error("the price of a subscription names the tenant that bought it")]
    SubscriptionWithoutTenant,
    /// The name of the segment is too long.
    #[error("a segment has at most {SEGMENT_CHARACTERS_MAX} characters")]
    LongSegment,
    /// The source is too long.
    #[error("a source has at most {SOURCE_CHARACTERS_MAX} characters")]
    LongSource,
}

impl Price {
    /// Checks what was told.
    pub fn new(id: PriceId, told: ToldPrice<'_>) -> Result<Self, InvalidPrice> {
        let currency = Currency::parse(told.currency)?;
        Ok(Self {
            id,
            scope: PriceScope::new(told.tenant, told.subscription)?,
            sku_id: told.sku_id,
            segment: Segment::parse(told.segment.unwrap_or_default())?,
            rate: Rate::new(told.amount, currency, told.per)?,
            per: told.per,
            validity: Validity::new(told.valid_from, told.valid_to)?,
            source: Source::parse(told.source.unwrap_or_default())?,
        })
    }

    /// The amount for the time for which it was told, with all its decimals: "36.00".
    pub fn amount_text(&self) -> String {
        self.rate.amount_text(self.per)
    }

    /// Whether another is for the same seats, so that both cannot hold on the same day.
    fn is_for_the_same_as(&self, other: &Self) -> bool {
        self.sku_id == other.sku_id && self.scope == other.scope && self.segment == other.segment
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::parse_amount;

    fn told() -> ToldPrice<'static> {
        ToldPrice {
            tenant: None,
            subscription: None,
            sku_id: SkuId(uuid::Uuid::from_u128(1)),
            segment: None,
            amount: parse_amount("36").unwrap(),
            currency: "EUR",
            per: BillingPeriod::Month,
            valid_from: "2026-01-01".parse().unwrap(),
            valid_to: None,
            source: None,
        }
    }

    #[track_caller]
    fn check(told: ToldPrice<'_>, expected: Option<InvalidPrice>) {
        let price = Price::new(PriceId(uuid::Uuid::from_u128(9)), told);
        assert_eq!(price.err(), expected);
    }

    #[test]
    fn a_price_ends_no_earlier_than_it_begins() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let ending = |to| ToldPrice {
            valid_to: Some(to),
            ..told()
        };
        check(ending(day("2026-01-02")), None);
        check(ending(day("2026-01-01")), None);
        let (from, to) = (day("2026-01-01"), day("2025-12-31"));
        check(
            ending(to),
            Some(InvalidPrice::EndsBeforeItBegins { from, to }),
        );
    }

    #[test]
    fn texts_of_a_price_are_tidy_and_of_bounded_length() {
        fn segment(text: &str) -> ToldPrice<'_> {
            ToldPrice {
                segment: Some(text),
                ..told()
            }
        }
        check(segment(&"ü".repeat(60)), None);
        check(segment(&"ü".repeat(61)), Some(InvalidPrice::LongSegment));
        fn source(text: &str) -> ToldPrice<'_> {
            ToldPrice {
                source: Some(text),
                ..told()
            }
        }
        check(source(&"ü".repeat(500)), None);
        check(source(&"ü".repeat(501)), Some(InvalidPrice::LongSource));
        assert_eq!(Segment::parse(" \u{a0} ").unwrap(), None);
        assert_eq!(Source::parse("").unwrap(), None);
        let invoice = Source::parse("  Invoice\u{a0} 7 ").unwrap().unwrap();
        assert_eq!(invoice.as_str(), "Invoice 7");
        assert_eq!(Segment::parse("EDUCATION"), Segment::parse(" Education"));
    }

    #[test]
    fn a_price_of_a_purchase_names_the_tenant() {
        let subscription = Some(SubscriptionId(uuid::Uuid::from_u128(5)));
        let tenant = TenantKey::parse("contoso").ok();
        let of = |tenant| ToldPrice {
            tenant,
            subscription,
            ..told()
        };
        check(of(None), Some(InvalidPrice::SubscriptionWithoutTenant));
        check(of(tenant), None);
    }

    #[test]
    fn amount_and_currency_are_checked() {
        let amount = |amount| ToldPrice { amount, ..told() };
        check(amount(Decimal::ZERO), None);
        check(
            amount(Decimal::new(-1, 2)),
            Some(InvalidAmount::Negative.into()),
        );
        let currency = ToldPrice {
            currency: "EURO",
            ..told()
        };
        check(currency, Some(InvalidCurrency.into()));
    }

    #[test]
    fn days_overlap_up_to_the_last_one() {
        let check = |first: (&str, &str), second: (&str, &str), expected| {
            let days = |(from, to): (&str, &str)| {
                Validity::new(from.parse().unwrap(), to.parse().ok()).unwrap()
            };
            let (first, second) = (days(first), days(second));
            assert_eq!(first.overlaps(second), expected, "{first}, {second}");
            assert_eq!(second.overlaps(first), expected, "{second}, {first}");
        };
        let first_half = ("2026-01-01", "2026-06-30");
        check(first_half, ("2026-06-29", ""), true);
        check(first_half, ("2026-06-30", ""), true);
        check(first_half, ("2026-07-01", ""), false);
        check(first_half, ("2025-01-01", ""), true);
        check(first_half, ("2025-01-01", "2025-12-31"), false);
        check(first_half, ("2026-03-01", "2026-03-01"), true);
        check(("2026-01-01", ""), ("2030-01-01", ""), true);
    }
}
