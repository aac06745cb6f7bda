//! Rules of texts that the wire types share.

use averis_service_kit::body::{one_line, printable};

/// [`one_line`] of a text that may be absent.
pub fn optional_line(text: &Option<String>, context: &()) -> garde::Result {
    text.as_ref().map_or(Ok(()), |text| one_line(text, context))
}

/// [`printable`] of a text that may be absent.
pub fn optional_printable(text: &Option<String>, context: &()) -> garde::Result {
    text.as_ref()
        .map_or(Ok(()), |text| printable(text, context))
}

/// A list of short texts on one line each, none empty and none twice.
pub fn short_texts(texts: &[String], context: &()) -> garde::Result {
    for (place, text) in texts.iter().enumerate() {
        one_line(text, context)?;
        if !(1..=255).contains(&text.chars().count()) {
            return Err(garde::Error::new("each must have 1 to 255 characters"));
        }
        if texts.iter().take(place).any(|other| other == text) {
            return Err(garde::Error::new("none may stand there twice"));
        }
    }
    Ok(())
}

/// Tags: [`short_texts`] without commas, which part them in files.
pub fn tag_list(texts: &[String], context: &()) -> garde::Result {
    if texts.iter().any(|text| text.contains(',')) {
        return Err(garde::Error::new("must not contain commas"));
    }
    short_texts(texts, context)
}

/// [`tag_list`] that may be absent.
pub fn optional_tag_list(texts: &Option<Vec<String>>, context: &()) -> garde::Result {
    texts
        .as_ref()
        .map_or(Ok(()), |texts| tag_list(texts, context))
}

/// Texts that may be absent, as [`short_texts`].
pub fn optional_short_texts(texts: &Option<Vec<String>>, context: &()) -> garde::Result {
    texts
        .as_ref()
        .map_or(Ok(()), |texts| short_texts(texts, context))
}

/// An absolute http or https address.
pub fn web_address(text: &str, _: &()) -> garde::Result {
    // The parser forgives white space, missing slashes and what nobody can print. Files do not, nor do pages.
    let lower = text.to_ascii_lowercase();
    let rest = lower
        .strip_prefix("https://")
        .or_else(|| lower.strip_prefix("http://"));
    let fits = text.len() <= 2048
        && rest.is_some_and(|rest| !rest.starts_with(['/', '\\']))
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        && url::Url::parse(text)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some());
    if fits {
        Ok(())
    } else {
        Err(garde::Error::new(
            "must be an http or https address of at most 2048 bytes",
        ))
    }
}

/// [`web_address`] of a text that may be absent.
pub fn optional_web_address(text: &Option<String>, context: &()) -> garde::Result {
    text.as_ref()
        .map_or(Ok(()), |text| web_address(text, context))
}
