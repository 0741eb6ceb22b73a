//! Direct tracking: visitors of the page that a link leads to count without the key in the address, and may be sent
//! elsewhere.

use crate::error::{Error, Result};
use crate::links::settings::{LinkSettings, SettingChanges};
use crate::validation::{Fields, Problem, ProblemCode};

const REDIRECT_URL: &str = "direct_tracking_redirect_url";

/// Reads what a request says about it, in both spellings: Partnero's PHP library sends the fields of a link in camel
/// case.
pub(super) fn read(fields: &mut Fields<'_>) -> SettingChanges {
    let is_on = spelling(fields, "direct_tracking", "directTracking");
    let redirects = spelling(fields, "direct_tracking_redirect", "directTrackingRedirect");
    let redirect_url = spelling(fields, REDIRECT_URL, "directTrackingRedirectUrl");
    SettingChanges {
        direct_tracking: fields.optional(is_on),
        direct_tracking_redirect: fields.optional(redirects),
        direct_tracking_redirect_url: fields.change(redirect_url),
        ..SettingChanges::default()
    }
}

/// The name that the request has for a field.
fn spelling(fields: &Fields<'_>, snake: &'static str, camel: &'static str) -> &'static str {
    if fields.has(camel) && !fields.has(snake) { camel } else { snake }
}

/// Passes unless visitors would be sent nowhere.
///
/// # Errors
/// 422.
pub(super) fn check(settings: &LinkSettings) -> Result<()> {
    if !settings.direct_tracking_redirect || settings.direct_tracking_redirect_url.is_some() {
        return Ok(());
    }
    Err(Error::invalid(vec![Problem {
        code: ProblemCode::InvalidType,
        path: REDIRECT_URL.to_owned(),
        message: "Required with direct_tracking_redirect".into(),
    }]))
}
