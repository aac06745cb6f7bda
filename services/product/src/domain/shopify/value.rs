//! What single cells may contain.

/// The code and the message of a problem.
pub(super) type Fault = (&'static str, String);

const TITLE_CHARS: usize = 500;
const HANDLE_CHARS: usize = 255;
const SKU_CHARS: usize = 100;
const BARCODE_CHARS: usize = 64;
const URL_BYTES: usize = 2048;
const MAX_GRAMS: i64 = 1_000_000_000;
const MONEY_DIGITS: usize = 14;
const SHOWN_CHARS: usize = 60;

pub(super) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// A cell's text for a message: quoted, and cut when long.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

/// Control characters other than line breaks and tabs come from damaged files.
pub(super) fn control_fault(text: &str) -> Option<Fault> {
    let control = text
        .chars()
        .find(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))?;
    let code = u32::from(control);
    Some((
        "control_character",
        format!("the cell contains the control character U+{code:04X}"),
    ))
}

/// Checks a trimmed handle in lower case.
pub(super) fn handle_fault(handle: &str) -> Option<Fault> {
    if handle.chars().count() > HANDLE_CHARS {
        return Some(("handle_too_long", too_long("handle", HANDLE_CHARS)));
    }
    let other = handle
        .chars()
        .find(|c| !c.is_alphanumeric() && !matches!(c, '-' | '_'))?;
    let message =
        format!("a handle has only letters, digits, \"-\" and \"_\"; this one contains {other:?}");
    Some(("handle_invalid", message))
}

pub(super) fn title_fault(title: &str) -> Option<Fault> {
    (title.chars().count() > TITLE_CHARS)
        .then(|| ("title_too_long", too_long("title", TITLE_CHARS)))
}

pub(super) fn sku(text: &str) -> Result<String, Fault> {
    if text.chars().count() > SKU_CHARS {
        return Err(("sku_too_long", too_long("SKU", SKU_CHARS)));
    }
    if text.trim() != text || text.chars().any(char::is_control) {
        let message = format!(
            "the SKU {} begins or ends with a space or is not printable",
            shown(text)
        );
        return Err(("sku_invalid", message));
    }
    Ok(text.to_owned())
}

pub(super) fn barcode(text: &str) -> Result<String, Fault> {
    if text.chars().count() > BARCODE_CHARS {
        return Err(("barcode_too_long", too_long("barcode", BARCODE_CHARS)));
    }
    Ok(text.to_owned())
}

pub(super) fn boolean(text: &str) -> Result<bool, Fault> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") {
        Ok(true)
    } else if text.eq_ignore_ascii_case("false") {
        Ok(false)
    } else {
        Err((
            "boolean_invalid",
            format!("{} is neither TRUE nor FALSE", shown(text)),
        ))
    }
}

/// Whole grams; spreadsheets like to write them as `150.0`.
pub(super) fn grams(text: &str) -> Result<i64, Fault> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let whole_digits = (1..=12).contains(&whole.len()) && is_digits(whole);
    let no_fraction = !fraction.is_empty() && fraction.chars().all(|c| c == '0');
    match whole.parse() {
        Ok(grams) if whole_digits && no_fraction && grams <= MAX_GRAMS => Ok(grams),
        _ => Err((
            "weight_invalid",
            format!(
                "{} is not a whole number of grams up to {MAX_GRAMS}",
                shown(text)
            ),
        )),
    }
}

/// Checks a price and keeps it as text: the file does not say in which currency it is.
pub(super) fn money(text: &str) -> Result<String, Fault> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let plain = !whole.is_empty() && !fraction.is_empty() && is_digits(whole);
    if plain && is_digits(fraction) && digits <= MONEY_DIGITS {
        return Ok(text.to_owned());
    }
    let message = format!(
        "{} is not a plain amount such as 1299.50: no sign, currency or thousands separator, at \
         most {MONEY_DIGITS} digits",
        shown(text)
    );
    Err(("price_invalid", message))
}

pub(super) fn quantity(text: &str) -> Result<String, Fault> {
    let text = text.trim();
    if is_digits(text.strip_prefix('-').unwrap_or(text)) && text.parse::<i64>().is_ok() {
        return Ok(text.to_owned());
    }
    Err((
        "quantity_invalid",
        format!("{} is not a whole number", shown(text)),
    ))
}

pub(super) fn image_position(text: &str) -> Result<i32, Fault> {
    match text.trim().parse() {
        Ok(position) if position > 0 => Ok(position),
        _ => Err((
            "image_position_invalid",
            format!("{} is not a position counted from 1", shown(text)),
        )),
    }
}

pub(super) fn url(text: &str) -> Result<String, Fault> {
    let text = text.trim();
    let rest = strip_scheme(text, "https://").or_else(|| strip_scheme(text, "http://"));
    let has_host = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#']));
    let clean = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    if !has_host || !clean {
        return Err((
            "url_invalid",
            format!("{} is not an http or https address", shown(text)),
        ));
    }
    if text.len() > URL_BYTES {
        return Err((
            "url_invalid",
            format!("the address is longer than {URL_BYTES} bytes"),
        ));
    }
    Ok(text.to_owned())
}

/// Tags in the order given, each once.
pub(super) fn tags(text: &str) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    text.split(',')
        .map(str::trim)
        .filter(|tag| !tag.is_empty() && seen.insert(*tag))
        .map(str::to_owned)
        .collect()
}

fn strip_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn too_long(what: &str, limit: usize) -> String {
    format!("the {what} is longer than {limit} characters")
}
