//! What is posted: in the currency of its document, and in that of the books.

use averis_money::{Currency, Decimal, Money, MoneyError, Rounding};

/// Money at the bank.
pub const BANK: &str = "1000";
/// Money that a payment provider has and the bank has not yet.
pub const UNDER_WAY: &str = "1100";
/// Returns where money is: with a payment provider, or at the bank.
pub const fn money_account(under_way: bool) -> &'static str {
    if under_way { UNDER_WAY } else { BANK }
}

/// What customers owe.
pub const RECEIVABLES: &str = "1200";
/// What tax authorities owe for what was bought.
pub const INPUT_TAX: &str = "1300";
/// What is owed to suppliers.
pub const PAYABLES: &str = "2000";
/// What suppliers have billed above what they were to cost.
pub const PRICE_DIFFERENCES: &str = "5100";
/// What is in stock.
pub const INVENTORY: &str = "1400";
/// What suppliers have delivered and not billed yet.
pub const NOT_BILLED: &str = "2100";
/// What was sold has cost.
pub const COST_OF_GOODS: &str = "5000";
/// What was lost of the stock, or found.
pub const LOSSES: &str = "5900";
/// What is owed to tax authorities.
pub const TAX: &str = "2200";
/// What customers have paid before it was invoiced.
pub const DEPOSITS: &str = "2300";
/// What was sold.
pub const REVENUE: &str = "4000";
/// What was taken back of it.
pub const RETURNS: &str = "4100";
/// What rounding leaves when another currency is converted.
pub const ROUNDING: &str = "6900";

/// What goes to one account: a debit, or a credit where it is negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    pub account: String,
    pub amount: Money,
}

impl Posting {
    /// What goes to an account.
    pub fn new(account: &str, amount: Money) -> Self {
        Self {
            account: account.to_owned(),
            amount,
        }
    }
}

/// A line of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub account: String,
    pub amount: i64,
    pub currency: Currency,
    pub book_amount: i64,
}

/// Converts an amount into the currency of the books, at so much of it for one unit of the amount's own.
///
/// # Errors
/// When it is too large.
fn converted(
    amount: Money,
    book: Currency,
    rate: Decimal,
    rounding: Rounding,
) -> Result<i64, MoneyError> {
    if amount.currency() == book {
        return Ok(amount.amount());
    }
    let scale = |exponent: u32| Decimal::from(10_u64.pow(exponent));
    let factor = rate
        .checked_mul(scale(book.exponent()))
        .and_then(|scaled| scaled.checked_div(scale(amount.currency().exponent())));
    let factor = factor.ok_or(MoneyError::Overflow)?;
    let converted = Money::new(amount.amount(), book).checked_mul_rate(factor, rounding)?;
    Ok(converted.amount())
}

/// Puts an entry together that balances in the books too: what is lost or won by converting each line goes to an account of its
/// own. Lines of nothing are left out.
///
/// # Errors
/// When an amount is too large.
pub fn lines(
    postings: &[Posting],
    book: Currency,
    rate: Decimal,
    rounding: Rounding,
) -> Result<Vec<Line>, MoneyError> {
    let mut lines = Vec::with_capacity(postings.len() + 1);
    let mut sum = 0_i64;
    for posting in postings.iter().filter(|one| !one.amount.is_zero()) {
        let book_amount = converted(posting.amount, book, rate, rounding)?;
        sum = sum.checked_add(book_amount).ok_or(MoneyError::Overflow)?;
        lines.push(Line {
            account: posting.account.clone(),
            amount: posting.amount.amount(),
            currency: posting.amount.currency(),
            book_amount,
        });
    }
    if sum != 0 {
        lines.push(Line {
            account: ROUNDING.to_owned(),
            amount: 0,
            currency: book,
            book_amount: sum.checked_neg().ok_or(MoneyError::Overflow)?,
        });
    }
    Ok(lines)
}

/// Whether what is posted balances, in each currency.
pub fn balances(postings: &[Posting]) -> bool {
    let mut sums: Vec<(Currency, i128)> = Vec::new();
    for posting in postings {
        let (currency, amount) = (
            posting.amount.currency(),
            i128::from(posting.amount.amount()),
        );
        match sums.iter_mut().find(|(known, _)| *known == currency) {
            Some((_, sum)) => *sum += amount,
            None => sums.push((currency, amount)),
        }
    }
    sums.iter().all(|(_, sum)| *sum == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn money(amount: i64, currency: &str) -> Money {
        Money::new(amount, currency.parse().expect("a currency"))
    }

    #[test]
    fn what_converting_leaves_has_a_line_of_its_own() {
        // erpnext 50863: 15 and 155 pieces at 99.07, rate 89.7.
        let postings = [
            Posting::new(RECEIVABLES, money(1_684_190, "USD")),
            Posting::new(REVENUE, money(-148_605, "USD")),
            Posting::new(REVENUE, money(-1_535_585, "USD")),
        ];
        let rate = "89.7".parse().expect("a rate");
        let inr = "INR".parse().expect("a currency");
        let lines = lines(&postings, inr, rate, Rounding::HalfUp).expect("an entry");
        let told: Vec<(&str, i64)> = lines
            .iter()
            .map(|line| (line.account.as_str(), line.book_amount))
            .collect();
        let expected = [
            (RECEIVABLES, 151_071_843),
            (REVENUE, -13_329_869),
            (REVENUE, -137_741_975),
            (ROUNDING, 1),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn currencies_of_other_exponents_are_converted_by_their_minor_units() {
        let eur = "EUR".parse().expect("a currency");
        for (amount, rate, expected) in [
            (money(10_000, "JPY"), "0.0062", 6_200),
            (money(1_000, "KWD"), "3", 300),
            (money(-250, "EUR"), "9", -250),
        ] {
            let rate = rate.parse().expect("a rate");
            assert_eq!(converted(amount, eur, rate, Rounding::HalfUp), Ok(expected));
        }
    }

    proptest! {
        /// E3: whatever is posted at whatever rate, the entry balances in the books.
        #[test]
        fn e3_every_entry_balances_in_the_books(
            amounts in proptest::collection::vec(-1_000_000_i64..1_000_000, 1..12),
            rate in 1_u32..100_000_000,
        ) {
            let mut postings: Vec<Posting> =
                amounts.iter().map(|amount| Posting::new(REVENUE, money(*amount, "USD"))).collect();
            postings.push(Posting::new(RECEIVABLES, money(-amounts.iter().sum::<i64>(), "USD")));
            prop_assert!(balances(&postings));
            let eur = "EUR".parse().expect("a currency");
            let lines = lines(&postings, eur, Decimal::new(i64::from(rate), 6), Rounding::HalfEven).expect("an entry");
            prop_assert_eq!(lines.iter().map(|line| line.book_amount).sum::<i64>(), 0);
            let other: i64 = lines.iter().filter(|line| line.account != ROUNDING).map(|line| line.amount).sum();
            prop_assert_eq!(other, 0);
        }
    }
}
