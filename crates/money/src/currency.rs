//! Currencies that an amount of money can have.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use iso_currency::Currency as Iso;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::MoneyError;

/// Codes that the table of `iso_currency` marks as superseded although ISO
/// 4217 list one still has them: the bolívar is VES, and VED stands beside it.
const STILL_ACTIVE: [Iso; 1] = [Iso::VES];

/// An active currency of ISO 4217 (list one) that has a minor unit.
///
/// As text and in JSON it is its three-letter code in capitals. Withdrawn codes
/// (BGN, HRK, ...) and codes without a minor unit (XAU, XXX, ...) are refused,
/// so a value of this type always has a true number of digits. Ordered by code.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    iso: Iso,
    exponent: u8,
}

impl Currency {
    /// The three-letter code, in capitals.
    pub fn code(&self) -> &str {
        self.iso.code()
    }

    /// The number of digits of the minor unit according to ISO 4217: 0 (JPY)
    /// to 4 (CLF). One unit of the currency is 10^exponent minor units.
    pub fn exponent(&self) -> u32 {
        u32::from(self.exponent)
    }

    /// [`Currency::exponent`] in the type it is stored in.
    pub(crate) fn exponent_u8(self) -> u8 {
        self.exponent
    }

    /// The number of minor units in one unit: 1, 10, 100, 1,000 or 10,000.
    pub(crate) fn minor_per_unit(self) -> u64 {
        10_u64.saturating_pow(self.exponent())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    /// Reads a code.
    ///
    /// # Errors
    /// [`MoneyError::UnknownCurrency`] if it is not an active code in capitals,
    /// [`MoneyError::NoMinorUnit`] if amounts in it have no minor unit.
    fn from_str(code: &str) -> Result<Self, MoneyError> {
        let iso = Iso::from_code(code)
            .filter(|iso| iso.is_superseded().is_none() || STILL_ACTIVE.contains(iso))
            .ok_or_else(|| MoneyError::UnknownCurrency {
                code: code.chars().take(8).collect(),
            })?;
        match iso.exponent().map(u8::try_from) {
            Some(Ok(exponent)) if exponent <= 4 => Ok(Self { iso, exponent }),
            _ => Err(MoneyError::NoMinorUnit { code: iso.code() }),
        }
    }
}

impl Ord for Currency {
    fn cmp(&self, other: &Self) -> Ordering {
        self.code().cmp(other.code())
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Code;

        impl Visitor<'_> for Code {
            type Value = Currency;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an ISO 4217 currency code")
            }

            fn visit_str<E: de::Error>(self, code: &str) -> Result<Currency, E> {
                code.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_are_those_of_iso_4217() {
        for (code, exponent) in [
            ("JPY", 0),
            ("KRW", 0),
            ("ISK", 0),
            ("UGX", 0),
            ("EUR", 2),
            ("USD", 2),
            ("VES", 2),
            ("VED", 2),
            ("XCG", 2),
            ("ZWG", 2),
            ("SLE", 2),
            ("KWD", 3),
            ("TND", 3),
            ("CLF", 4),
            ("UYW", 4),
        ] {
            let currency: Currency = code.parse().unwrap();
            assert_eq!((currency.code(), currency.exponent()), (code, exponent));
            assert_eq!(currency.to_string(), code);
        }
    }

    #[test]
    fn unknown_and_withdrawn_codes_are_refused() {
        for code in [
            "", "EU", "eur", "EURO", "AAA", " EUR", "ÉUR", "978", "BGN", "HRK", "CUC",
        ] {
            assert_eq!(
                code.parse::<Currency>(),
                Err(MoneyError::UnknownCurrency {
                    code: code.to_owned()
                })
            );
        }
        let long = "E".repeat(1000).parse::<Currency>();
        assert_eq!(
            long,
            Err(MoneyError::UnknownCurrency {
                code: "EEEEEEEE".to_owned()
            })
        );
    }

    #[test]
    fn codes_without_a_minor_unit_are_refused() {
        for code in [
            "XXX", "XTS", "XAU", "XAG", "XPD", "XPT", "XDR", "XBA", "XSU", "XUA",
        ] {
            assert!(matches!(
                code.parse::<Currency>(),
                Err(MoneyError::NoMinorUnit { .. })
            ));
        }
    }

    #[test]
    fn json_is_the_code() {
        let eur: Currency = serde_json::from_str("\"EUR\"").unwrap();
        assert_eq!(serde_json::to_string(&eur).unwrap(), "\"EUR\"");
        for refused in ["\"eur\"", "\"XXX\"", "978", "null", "{}"] {
            assert!(
                serde_json::from_str::<Currency>(refused).is_err(),
                "{refused}"
            );
        }
    }

    #[test]
    fn order_is_alphabetical() {
        let [amd, aoa, xcg]: [Currency; 3] =
            ["AMD", "AOA", "XCG"].map(|code| code.parse().unwrap());
        assert!(amd < aoa && aoa < xcg);
    }
}
