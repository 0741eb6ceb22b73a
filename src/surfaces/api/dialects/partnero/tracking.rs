//! Direct tracking: visits of the page that a link points to count without the key in the URL, and can be redirected.

use crate::links::SettingChanges;
use crate::validation::Fields;

/// Reads the fields of direct tracking, in two spellings: Partnero's PHP library sends the fields of a link in camel
/// case.
pub(super) fn read(fields: &mut Fields<'_>) -> SettingChanges {
    let is_on = spelling(fields, "direct_tracking", "directTracking");
    let redirects = spelling(fields, "direct_tracking_redirect", "directTrackingRedirect");
    let redirect_url = spelling(fields, "direct_tracking_redirect_url", "directTrackingRedirectUrl");
    SettingChanges {
        direct_tracking: fields.optional(is_on),
        direct_tracking_redirect: fields.optional(redirects),
        direct_tracking_redirect_url: fields.change(redirect_url),
        ..SettingChanges::default()
    }
}

/// Returns the spelling of a field in a request.
fn spelling(fields: &Fields<'_>, snake: &'static str, camel: &'static str) -> &'static str {
    if fields.has(camel) && !fields.has(snake) { camel } else { snake }
}
