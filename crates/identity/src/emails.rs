//! E-mail addresses as people are known by.

/// Returns an address in the one form in which it is kept and compared: without space around it, in lower case.
/// Letters beyond ASCII are refused, as hardly a mail system takes them.
///
/// # Errors
/// What is wrong with it.
pub fn normal(text: &str) -> Result<String, &'static str> {
    // Letters of ASCII alone: lower case in all of Unicode would make one address of two (the Kelvin sign a k).
    let email = text.trim().to_ascii_lowercase();
    let parts = email.split_once('@');
    let fits = parts.is_some_and(|(local, domain)| {
        (1..=64).contains(&local.len())
            && !domain.contains('@')
            && domain.split('.').all(|label| !label.is_empty())
    });
    let plain = email
        .chars()
        .all(|c| c.is_ascii_graphic() && !"<>()[]\\,;:\"".contains(c));
    if fits && plain && email.len() <= 254 {
        Ok(email)
    } else {
        Err("must be an e-mail address, such as ana@acme.example")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_form() {
        assert_eq!(
            normal(" Ana@Acme.Example "),
            Ok("ana@acme.example".to_owned())
        );
        for bad in [
            "",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "a b@c.d",
            "a@b..c",
            "a@b\r\nBcc: x@y.z",
            "<a@b.c>",
            "\u{212a}ai@acme.example",
        ] {
            assert!(normal(bad).is_err(), "{bad:?}");
        }
    }
}
