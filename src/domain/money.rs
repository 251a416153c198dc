//! What a seat costs, and sums of it: exact, bounded, and of one currency each.
//!
//! Prices are told by the month or by the year, and a twelfth of a yearly price is rarely a decimal. So
//! a [`Rate`] is kept by the year and [`Money`] in twelfths: a month of any price, times any number of
//! seats and months, added up in any order, is exact. One division and one rounding are left, and they
//! happen when an amount is written down.

use std::cmp::Ordering;
use std::fmt;

use rust_decimal::{Decimal, RoundingStrategy};

/// The largest price of one seat for one period, in units of its currency: room for a year of the
/// dearest suite in the currency of the smallest unit.
///
/// With it, [`Money`] counts 6 * 10^12 seats for a month before a decimal is lost, a thousand times
/// as many as there are. Beyond, sums stay at the largest number there is: none overflows.
pub const AMOUNT_MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

/// The most decimals of a price. No currency has more than 4; price lists of partners may.
pub const DECIMALS_MAX: u32 = 6;

/// The longest text that is read as an amount, in bytes: [`AMOUNT_MAX`] with every decimal, and zeros.
const AMOUNT_BYTES_MAX: usize = 32;

const MONTHS_OF_A_YEAR: Decimal = Decimal::from_parts(12, 0, 0, false, 0);

/// A currency in which licenses are paid.
///
/// Ordered by code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: [u8; 3],
    minor_digits: u8,
}

/// Why a text is not a [`Currency`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a currency is one of the three-letter codes of ISO 4217, such as EUR or USD")]
pub struct InvalidCurrency;

impl Currency {
    /// Reads a code of ISO 4217 in either case. What is no money (metals, units for testing, funds) is
    /// refused; money that is no longer paid with is not, for a price book tells of the past too.
    pub fn parse(text: &str) -> Result<Self, InvalidCurrency> {
        let code = text.trim().to_ascii_uppercase();
        let known = iso_currency::Currency::from_code(&code).ok_or(InvalidCurrency)?;
        if known.is_special() || known.is_fund() {
            return Err(InvalidCurrency);
        }
        let digits = known
            .exponent()
            .and_then(|digits| u8::try_from(digits).ok());
        Ok(Self {
            code: code.as_bytes().try_into().map_err(|_| InvalidCurrency)?,
            minor_digits: digits.ok_or(InvalidCurrency)?,
        })
    }

    /// The code of ISO 4217: "EUR".
    pub fn code(&self) -> &str {
        // The code was a text when it was read, and all of it is kept.
        std::str::from_utf8(&self.code).unwrap_or_default()
    }

    /// How many decimals an amount is written with: 2 for EUR, none for JPY, 3 for KWD.
    pub fn minor_digits(self) -> u32 {
        u32::from(self.minor_digits)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

/// For which time a price is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BillingPeriod {
    /// A calendar month.
    Month,
    /// Twelve of them.
    Year,
}

impl BillingPeriod {
    /// How many of them are a year.
    fn in_a_year(self) -> Decimal {
        match self {
            Self::Month => MONTHS_OF_A_YEAR,
            Self::Year => Decimal::ONE,
        }
    }
}

/// Why a number is not the price of a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAmount {
    /// Something else, or a number spelled otherwise.
    #[error(
        "an amount is written with digits and a point, such as 36.00, without separators or a sign of currency"
    )]
    NotANumber,
    /// Below zero.
    #[error("an amount is not below zero; a discount is told as the lower price")]
    Negative,
    /// More than [`AMOUNT_MAX`].
    #[error("the amount of one seat is at most {AMOUNT_MAX}; is it the price of all seats?")]
    TooLarge,
    /// More than [`DECIMALS_MAX`].
    #[error(
        "an amount has at most {DECIMALS_MAX} decimals; a yearly price need not be divided, say per YEAR"
    )]
    TooManyDecimals,
}

/// Reads an amount as [`Rate`] takes it: plain digits with a decimal point.
pub fn parse_amount(text: &str) -> Result<Decimal, InvalidAmount> {
    let text = text.trim();
    if text.len() > AMOUNT_BYTES_MAX {
        return Err(InvalidAmount::NotANumber);
    }
    let (whole, fraction) = match text.strip_prefix('-').unwrap_or(text).split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text.strip_prefix('-').unwrap_or(text), None),
    };
    // The library takes underscores, signs and bare points too.
    let are_digits =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !fraction.is_none_or(are_digits) {
        return Err(InvalidAmount::NotANumber);
    }
    let amount = Decimal::from_str_exact(text).map_err(|_| InvalidAmount::TooLarge)?;
    checked_amount(amount)
}

/// An amount within the bounds, without zeros at its end.
fn checked_amount(amount: Decimal) -> Result<Decimal, InvalidAmount> {
    let amount = amount.normalize();
    if amount.is_sign_negative() && !amount.is_zero() {
        Err(InvalidAmount::Negative)
    } else if amount > AMOUNT_MAX {
        Err(InvalidAmount::TooLarge)
    } else if amount.scale() > DECIMALS_MAX {
        Err(InvalidAmount::TooManyDecimals)
    } else {
        Ok(amount)
    }
}

/// What one seat costs, exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    per_year: Decimal,
    currency: Currency,
}

impl Rate {
    /// The rate of a price as it was told.
    pub fn new(
        amount: Decimal,
        currency: Currency,
        per: BillingPeriod,
    ) -> Result<Self, InvalidAmount> {
        let amount = checked_amount(amount)?;
        Ok(Self {
            per_year: amount.saturating_mul(per.in_a_year()),
            currency,
        })
    }

    /// The currency.
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// What one seat costs for a number of months.
    pub fn over_months(self, months: u32) -> Money {
        self.monthly().times(u64::from(months))
    }

    /// What one seat costs a month.
    pub fn monthly(self) -> Money {
        Money {
            twelfths: self.per_year,
            currency: self.currency,
        }
    }

    /// What one seat costs a year.
    pub fn yearly(self) -> Money {
        self.over_months(12)
    }

    /// The amount as it was told for this period, with all its decimals and at least those of the
    /// currency: "36.00", "4.1234".
    pub fn amount_text(self, per: BillingPeriod) -> String {
        let amount = (self.per_year / per.in_a_year()).normalize();
        let digits = self.currency.minor_digits().max(amount.scale());
        text_with_digits(amount, digits)
    }
}

/// By price, within one currency; there is no order between two.
impl PartialOrd for Rate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.monthly().partial_cmp(&other.monthly())
    }
}

/// An amount of money in one currency. It is exact; written down, it is rounded.
///
/// May be below zero, as a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    twelfths: Decimal,
    currency: Currency,
}

impl Money {
    /// Nothing, in a currency.
    pub fn zero(currency: Currency) -> Self {
        Self {
            twelfths: Decimal::ZERO,
            currency,
        }
    }

    /// The currency.
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// Whether it is exactly nothing.
    pub fn is_zero(self) -> bool {
        self.twelfths.is_zero()
    }

    /// Whether it is more than nothing.
    pub fn is_positive(self) -> bool {
        self.twelfths.is_sign_positive() && !self.twelfths.is_zero()
    }

    /// The amount times twelve: exact, where the amount itself may be no decimal. For a place in an order.
    pub fn twelfths(self) -> Decimal {
        self.twelfths
    }

    /// So many times the amount.
    pub fn times(self, count: u64) -> Self {
        Self {
            twelfths: self.twelfths.saturating_mul(Decimal::from(count)),
            ..self
        }
    }

    /// The sum; `None` of two currencies.
    pub fn plus(self, other: Self) -> Option<Self> {
        (self.currency == other.currency).then(|| Self {
            twelfths: self.twelfths.saturating_add(other.twelfths),
            ..self
        })
    }

    /// The difference; `None` of two currencies.
    pub fn minus(self, other: Self) -> Option<Self> {
        (self.currency == other.currency).then(|| Self {
            twelfths: self.twelfths.saturating_sub(other.twelfths),
            ..self
        })
    }

    /// The same in another currency, at so many units of it for one of ours. A conversion is no fact
    /// of accounting: it is rounded to a millionth of a twelfth, far below what is written down.
    pub fn converted(self, rate: Decimal, to: Currency) -> Self {
        let twelfths = self.twelfths.saturating_mul(rate);
        Self {
            twelfths: half_even(twelfths, DECIMALS_MAX),
            currency: to,
        }
    }

    /// The amount as it is written: rounded half to even, to the decimals of the currency.
    pub fn amount(self) -> Decimal {
        half_even(
            self.twelfths / MONTHS_OF_A_YEAR,
            self.currency.minor_digits(),
        )
    }

    /// The amount with every decimal of its currency, and without the currency: "36.00".
    pub fn amount_text(self) -> String {
        text_with_digits(self.amount(), self.currency.minor_digits())
    }

    /// The exact amount and its currency, for where it is kept.
    pub fn to_bytes(self) -> [u8; 19] {
        let mut bytes = [0; 19];
        let (amount, currency) = bytes.split_at_mut(16);
        amount.copy_from_slice(&self.twelfths.serialize());
        currency.copy_from_slice(self.currency.code().as_bytes());
        bytes
    }

    /// Reads [`Self::to_bytes`]; `None` of bytes that no amount made.
    pub fn from_bytes(bytes: [u8; 19]) -> Option<Self> {
        let (amount, currency) = bytes.split_first_chunk::<16>()?;
        let twelfths = Decimal::deserialize(*amount);
        Some(Self {
            // Of more decimals than there may be nothing is known.
            twelfths: (twelfths.scale() <= Decimal::MAX_SCALE).then_some(twelfths)?,
            currency: Currency::parse(std::str::from_utf8(currency).ok()?).ok()?,
        })
    }
}

/// By amount, within one currency; there is no order between two.
impl PartialOrd for Money {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self.currency == other.currency).then(|| self.twelfths.cmp(&other.twelfths))
    }
}

/// "36.00 EUR"
impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.amount_text(), self.currency)
    }
}

fn half_even(amount: Decimal, digits: u32) -> Decimal {
    amount.round_dp_with_strategy(digits, RoundingStrategy::MidpointNearestEven)
}

fn text_with_digits(amount: Decimal, digits: u32) -> String {
    format!("{amount:.0$}", digits as usize)
}

/// Amounts of money: a total for each currency, in the order of their codes. Totals of two currencies
/// are never added.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sums(Vec<Money>);

impl Sums {
    /// Adds an amount to the total of its currency.
    pub fn add(&mut self, money: Money) {
        let place = self
            .0
            .binary_search_by_key(&money.currency, |total| total.currency);
        match place {
            Ok(place) => self.0[place] = self.0[place].plus(money).unwrap_or(self.0[place]),
            Err(place) => self.0.insert(place, money),
        }
    }

    /// Adds each of some totals.
    pub fn add_all(&mut self, others: &Self) {
        for money in &others.0 {
            self.add(*money);
        }
    }

    /// The totals, in the order of their currencies' codes.
    pub fn totals(&self) -> &[Money] {
        &self.0
    }

    /// The total of a currency; `None` where nothing was added in it.
    pub fn total_in(&self, currency: Currency) -> Option<Money> {
        let mut totals = self.0.iter();
        totals.find(|total| total.currency == currency).copied()
    }

    /// The one total; `None` where nothing was added, or amounts of several currencies.
    pub fn only(&self) -> Option<Money> {
        match self.0[..] {
            [total] => Some(total),
            _ => None,
        }
    }
}

/// Sums up whatever there is, in any order.
impl FromIterator<Money> for Sums {
    fn from_iter<I: IntoIterator<Item = Money>>(amounts: I) -> Self {
        let mut sums = Self::default();
        for money in amounts {
            sums.add(money);
        }
        sums
    }
}

/// What seats cost a month, and how many of them nobody gave a price. An unknown price is not zero: such
/// seats are counted beside the sums and change none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SeatCost {
    /// The sum of the priced ones, by currency.
    pub monthly: Sums,
    /// How many seats have no price.
    pub unpriced_seats: u64,
}

impl SeatCost {
    /// Adds seats of one price, or of none.
    pub fn add(&mut self, rate: Option<Rate>, seats: u64) {
        match rate {
            Some(rate) => self.monthly.add(rate.monthly().times(seats)),
            None => self.unpriced_seats = self.unpriced_seats.saturating_add(seats),
        }
    }

    /// Adds other seats.
    pub fn add_all(&mut self, others: &Self) {
        self.monthly.add_all(&others.monthly);
        self.unpriced_seats = self.unpriced_seats.saturating_add(others.unpriced_seats);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::BillingPeriod::{Month, Year};
    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    fn rate(amount: &str, code: &str, per: BillingPeriod) -> Rate {
        Rate::new(parse_amount(amount).unwrap(), currency(code), per).unwrap()
    }

    #[test]
    fn a_currency_is_a_code_of_money_and_knows_its_decimals() {
        let check = |text: &str, expected: Option<(&str, u32)>| {
            let parsed = Currency::parse(text).ok();
            let seen = parsed.as_ref().map(|own| (own.code(), own.minor_digits()));
            assert_eq!(seen, expected, "{text:?}");
        };
        check("EUR", Some(("EUR", 2)));
        check(" usd ", Some(("USD", 2)));
        check("JPY", Some(("JPY", 0)));
        check("KWD", Some(("KWD", 3)));
        check("HRK", Some(("HRK", 2))); // Paid with until 2022.
        check("", None);
        check("EU", None);
        check("EURO", None);
        check("€", None);
        check("ABC", None);
        check("XAU", None); // Gold.
        check("XXX", None); // No currency.
        check("CLF", None); // A unit of account.
    }

    #[test]
    fn currencies_stand_in_the_order_of_their_codes() {
        let sums: Sums = ["USD", "XCG", "EUR", "AED"]
            .map(|code| Money::zero(currency(code)))
            .into_iter()
            .collect();
        let codes: Vec<_> = sums.totals().iter().map(|sum| sum.currency).collect();
        assert_eq!(format!("{codes:?}"), "[AED, EUR, USD, XCG]");
    }

    #[track_caller]
    fn check_amount(text: &str, expected: Result<&str, InvalidAmount>) {
        let amount = parse_amount(text).map(|amount| amount.to_string());
        assert_eq!(amount, expected.map(str::to_owned), "{text:?}");
    }

    #[test]
    fn an_amount_is_read_as_it_is_written_and_within_bounds() {
        use InvalidAmount::{Negative, NotANumber, TooLarge, TooManyDecimals};
        check_amount("36.00", Ok("36"));
        check_amount(" 36.5 ", Ok("36.5"));
        check_amount("0", Ok("0"));
        check_amount("-0.00", Ok("0"));
        check_amount("0.000001", Ok("0.000001"));
        check_amount("0.0000010", Ok("0.000001"));
        check_amount("0.0000001", Err(TooManyDecimals));
        check_amount("999999999.999999", Ok("999999999.999999"));
        check_amount("1000000000", Ok("1000000000"));
        check_amount("1000000000.01", Err(TooLarge));
        check_amount("99999999999999999999999999999999", Err(TooLarge));
        check_amount("999999999999999999999999999999999", Err(NotANumber));
        check_amount("-0.01", Err(Negative));
        for text in [
            "", "-", ".", "1.", ".5", "+1", "1e3", "1_000", "1,5", "1.2.3", "--1", "€3", "٣", "NaN",
        ] {
            check_amount(text, Err(NotANumber));
        }
    }

    #[test]
    fn a_number_that_was_not_read_from_text_is_bounded_too() {
        let check = |amount: Decimal, expected| {
            assert_eq!(Rate::new(amount, currency("EUR"), Year).err(), expected);
        };
        check(AMOUNT_MAX, None);
        check(AMOUNT_MAX + Decimal::ONE, Some(InvalidAmount::TooLarge));
        check(Decimal::MAX, Some(InvalidAmount::TooLarge));
        check(Decimal::MIN, Some(InvalidAmount::Negative));
        check(Decimal::new(1, 7), Some(InvalidAmount::TooManyDecimals));
    }

    #[track_caller]
    fn check_monthly(amount: &str, code: &str, per: BillingPeriod, expected: &str) {
        assert_eq!(rate(amount, code, per).monthly().to_string(), expected);
    }

    #[test]
    fn a_month_is_written_with_the_decimals_of_its_currency_half_to_even() {
        check_monthly("36", "EUR", Month, "36.00 EUR");
        check_monthly("432", "EUR", Year, "36.00 EUR");
        check_monthly("100", "EUR", Year, "8.33 EUR");
        check_monthly("0.06", "EUR", Year, "0.00 EUR"); // 0.005
        check_monthly("0.060001", "EUR", Year, "0.01 EUR");
        check_monthly("0.18", "EUR", Year, "0.02 EUR"); // 0.015
        check_monthly("0.179999", "EUR", Year, "0.01 EUR");
        check_monthly("1254", "JPY", Year, "104 JPY"); // 104.5
        check_monthly("1266", "JPY", Year, "106 JPY"); // 105.5
        check_monthly("11.5", "KWD", Month, "11.500 KWD");
    }

    #[test]
    fn a_yearly_price_is_rounded_once_after_everything_is_added() {
        let a_month = rate("100", "EUR", Year).monthly();
        assert_eq!(a_month.times(3).to_string(), "25.00 EUR");
        let three: Sums = [a_month; 3].into_iter().collect();
        assert_eq!(three.only().unwrap().to_string(), "25.00 EUR");
        assert_eq!(
            rate("100", "EUR", Year).over_months(12).to_string(),
            "100.00 EUR"
        );
    }

    #[test]
    fn an_amount_is_shown_again_as_it_was_told() {
        let check = |amount, code, per, expected: &str| {
            assert_eq!(rate(amount, code, per).amount_text(per), expected);
        };
        check("36", "EUR", Month, "36.00");
        check("4.1234", "EUR", Month, "4.1234");
        check("0.000001", "EUR", Month, "0.000001");
        check("100", "EUR", Year, "100.00");
        check("1500", "JPY", Year, "1500");
        check("0.50", "JPY", Month, "0.5");
    }

    #[test]
    fn a_difference_below_zero_is_written_with_its_sign_and_nothing_without() {
        let euros = |amount| rate(amount, "EUR", Month).monthly();
        let difference = euros("36").minus(euros("39")).unwrap();
        assert_eq!(difference.to_string(), "-3.00 EUR");
        assert!(!difference.is_positive());
        let hardly = euros("36").minus(euros("36.001")).unwrap();
        assert_eq!(hardly.amount_text(), "0.00");
        assert!(!hardly.is_zero());
    }

    #[test]
    fn two_currencies_are_neither_added_nor_compared() {
        let (euros, dollars) = (rate("1", "EUR", Month), rate("1", "USD", Month));
        assert_eq!(euros.monthly().plus(dollars.monthly()), None);
        assert_eq!(euros.monthly().minus(dollars.monthly()), None);
        assert_eq!(euros.partial_cmp(&dollars), None);
        let both: Sums = [euros.monthly(), dollars.monthly()].into_iter().collect();
        assert_eq!(both.totals().len(), 2);
        assert_eq!(both.only(), None);
        assert_eq!(Sums::default().only(), None);
        assert_eq!(
            both.total_in(currency("USD")).unwrap().amount_text(),
            "1.00"
        );
        assert_eq!(both.total_in(currency("JPY")), None);
    }

    #[test]
    fn a_price_by_the_year_is_compared_with_one_by_the_month() {
        assert!(rate("431.99", "EUR", Year) < rate("36", "EUR", Month));
        assert_eq!(rate("432", "EUR", Year), rate("36.00", "EUR", Month));
    }

    /// Vector 4: no price for one license changes no total.
    #[test]
    fn seats_without_a_price_are_counted_apart_and_change_no_total() {
        let mut cost = SeatCost::default();
        cost.add(Some(rate("36", "EUR", Month)), 10);
        let before = cost.monthly.clone();
        cost.add(None, 1);
        assert_eq!(cost.monthly, before);
        assert_eq!(cost.unpriced_seats, 1);
        assert_eq!(before.only().unwrap().amount_text(), "360.00");
    }

    /// Vector 2: Microsoft 365 E5 and Entra ID P2 of one disabled account. Vector 3: the latter only.
    #[test]
    fn what_two_seats_cost_a_year_is_the_sum_of_both() {
        let (suite, addon) = (rate("60", "EUR", Month), rate("11", "EUR", Month));
        let both: Sums = [suite.yearly(), addon.yearly()].into_iter().collect();
        assert_eq!(both.only().unwrap().amount_text(), "852.00");
        assert_eq!(addon.yearly().amount_text(), "132.00");
    }

    #[test]
    fn the_dearest_price_of_every_seat_in_the_world_is_counted_exactly() {
        let dearest = rate("999999999.999999", "VND", Month);
        let seats = 500_000_000;
        let year = dearest.yearly().times(seats);
        let by_month: Sums = [dearest.monthly().times(seats); 12].into_iter().collect();
        assert_eq!(by_month.only(), Some(year));
        assert_eq!(year.amount_text(), "5999999999999994000");
        // And whatever is told, nothing overflows.
        let most = dearest.over_months(u32::MAX).times(u64::MAX);
        assert_eq!(most.plus(most).unwrap(), most.times(u64::MAX));
    }

    #[test]
    fn a_conversion_is_rounded_far_below_what_is_written() {
        let dollars = rate("36", "USD", Month).yearly();
        let factor = Decimal::new(923_456_789_123, 12);
        let euros = dollars.converted(factor, currency("EUR"));
        assert_eq!(euros.to_string(), "398.93 EUR");
        let most = Money::zero(currency("EUR")).converted(Decimal::MAX, currency("JPY"));
        assert!(most.is_zero());
    }

    fn any_rate() -> impl Strategy<Value = Rate> {
        let codes = prop::sample::select(vec!["EUR", "USD", "JPY", "KWD"]);
        let per = prop::sample::select(vec![Month, Year]);
        let amounts = (0..1_000_000_000_000_000i64).prop_map(|units| Decimal::new(units, 6));
        (amounts, codes, per)
            .prop_map(|(amount, code, per)| Rate::new(amount, currency(code), per).unwrap())
    }

    proptest! {
        #[test]
        fn sums_do_not_depend_on_order_and_parts_add_up_to_the_whole(
            mut seats in prop::collection::vec((any_rate(), 0u64..1_000_000), 0..40),
            cut in 0usize..40,
        ) {
            let sum = |seats: &[(Rate, u64)]| -> Sums {
                seats.iter().map(|(rate, count)| rate.monthly().times(*count)).collect()
            };
            let whole = sum(&seats);
            let (front, back) = seats.split_at(cut.min(seats.len()));
            let mut parts = sum(front);
            parts.add_all(&sum(back));
            prop_assert_eq!(&parts, &whole);
            seats.reverse();
            prop_assert_eq!(&sum(&seats), &whole);
            for total in whole.totals() {
                let own = seats.iter().filter(|(rate, _)| rate.currency() == total.currency());
                let twelfths: Decimal = own
                    .map(|(rate, count)| rate.per_year * Decimal::from(*count))
                    .sum();
                prop_assert_eq!(total.twelfths, twelfths);
            }
        }

        #[test]
        fn what_is_written_is_within_half_a_minor_unit_of_what_is_meant(rate in any_rate(), months in 1u32..60) {
            let money = rate.over_months(months);
            let off = (money.amount() * MONTHS_OF_A_YEAR - money.twelfths).abs();
            prop_assert!(off <= Decimal::new(6, money.currency.minor_digits()));
        }

        #[test]
        fn an_amount_survives_being_written_and_read(units in 0..=1_000_000_000_000_000i64, digits in 0u32..=6) {
            let told = Decimal::new(units, 6).round_dp(digits);
            for per in [Month, Year] {
                let rate = Rate::new(told, currency("KWD"), per).unwrap();
                let text = rate.amount_text(per);
                prop_assert_eq!(parse_amount(&text), Ok(told.normalize()));
                prop_assert_eq!(Rate::new(parse_amount(&text).unwrap(), rate.currency, per), Ok(rate));
            }
        }
    }
}
