//! The forms of VAT ids.
//!
//! Source of the forms: the European Commission's list of VAT numbers by member state (VIES, question 11). Whether an id
//! of the right form is anybody's, only the authorities know: see `POST /companies/{id}/tax-id-check`.

/// Brings a VAT id into the form in which authorities ask for it: capital letters and digits, the country first.
///
/// # Errors
/// What is wrong with it.
pub fn normalized(text: &str) -> Result<String, String> {
    let separator = |c: &char| matches!(c, ' ' | '.' | '-' | '/');
    let id: String = text.chars().filter(|c| !separator(c)).collect();
    let id = id.to_ascii_uppercase();
    let (Some(country), Some(rest)) = (id.get(..2), id.get(2..)) else {
        return Err("must begin with two letters of a country".to_owned());
    };
    if !country.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err("must begin with two letters of a country".to_owned());
    }
    if fits(country, rest) {
        Ok(id)
    } else {
        Err(format!("has not the form of a VAT id of {country}"))
    }
}

/// Forms by country: `9` is a digit, `A` a letter, `*` either, any other character itself. Countries that are not here
/// have between 2 and 18 letters and digits.
const FORMS: &[(&str, &[&str])] = &[
    ("AT", &["U99999999"]),
    ("BE", &["0999999999", "1999999999"]),
    ("BG", &["999999999", "9999999999"]),
    ("CY", &["99999999A"]),
    ("CZ", &["99999999", "999999999", "9999999999"]),
    ("DE", &["999999999"]),
    ("DK", &["99999999"]),
    ("EE", &["999999999"]),
    ("EL", &["999999999"]),
    ("ES", &["*9999999*"]),
    ("FI", &["99999999"]),
    ("FR", &["**999999999"]),
    ("HR", &["99999999999"]),
    ("HU", &["99999999"]),
    ("IE", &["9*99999A", "9999999AA"]),
    ("IT", &["99999999999"]),
    ("LT", &["999999999", "999999999999"]),
    ("LU", &["99999999"]),
    ("LV", &["99999999999"]),
    ("MT", &["99999999"]),
    ("NL", &["*********B99"]),
    ("PL", &["9999999999"]),
    ("PT", &["999999999"]),
    (
        "RO",
        &[
            "99",
            "999",
            "9999",
            "99999",
            "999999",
            "9999999",
            "99999999",
            "999999999",
            "9999999999",
        ],
    ),
    ("SE", &["999999999999"]),
    ("SI", &["99999999"]),
    ("SK", &["9999999999"]),
    ("XI", &["999999999", "999999999999", "GD999", "HA999"]),
];

fn fits(country: &str, rest: &str) -> bool {
    match FORMS.iter().find(|(code, _)| *code == country) {
        Some((_, forms)) => forms.iter().any(|form| is_of_form(rest, form)),
        None => (2..=18).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric()),
    }
}

fn is_of_form(text: &str, form: &str) -> bool {
    let fits = |(b, form): (u8, u8)| match form {
        b'9' => b.is_ascii_digit(),
        b'A' => b.is_ascii_uppercase(),
        b'*' => b.is_ascii_alphanumeric(),
        other => b == other,
    };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_brought_into_one_form() {
        for (text, id) in [
            ("DE136695976", "DE136695976"),
            ("de 136 695 976", "DE136695976"),
            ("ATU-12345678", "ATU12345678"),
            ("BE 0123.456.789", "BE0123456789"),
            ("NL123456789B01", "NL123456789B01"),
            ("FRXX999999999", "FRXX999999999"),
            ("IE6388047V", "IE6388047V"),
            ("IE1234567WA", "IE1234567WA"),
            ("ESX1234567X", "ESX1234567X"),
            ("CHE123456788MWST", "CHE123456788MWST"),
        ] {
            assert_eq!(normalized(text).as_deref(), Ok(id));
        }
    }

    #[test]
    fn what_has_no_form_of_its_country_is_none() {
        for text in [
            "",
            "D",
            "DE",
            "12345",
            "136695976",
            "DE12345678",
            "DE1234567890",
            "DEABCDEFGHI",
            "ATX12345678",
            "BE2123456789",
            "NL123456789A01",
            "FR12",
            "US",
            "US1",
            "USé1",
            "é1",
            "DE13669597６",
            "US1234567890123456789",
        ] {
            assert!(normalized(text).is_err(), "{text:?}");
        }
    }
}
