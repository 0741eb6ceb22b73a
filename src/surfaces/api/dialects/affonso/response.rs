//! Answers in the format of Affonso's API.

use serde::Serialize;

use crate::embed_tokens::{EmbedToken, EnrollmentPlaces};
use crate::enrollments::Status;
use crate::values::clock::Timestamp;

/// The answer of `POST /embed/token`, in the envelope of every answer in this format.
#[derive(Serialize)]
pub struct EmbedTokenAnswer {
    success: bool,
    data: EmbedTokenData,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EmbedTokenData {
    public_token: String,
    expires_at: Timestamp,
    link: Option<String>,
    portal_url: String,
    partnership_status: &'static str,
}

impl EmbedTokenAnswer {
    pub(super) fn new(EmbedToken { token, expires }: EmbedToken, view: EnrollmentPlaces) -> Self {
        let data = EmbedTokenData {
            public_token: token,
            expires_at: expires,
            link: view.places.link,
            portal_url: view.places.portal_url,
            partnership_status: partnership_status(view.enrolled.status),
        };
        Self { success: true, data }
    }
}

fn partnership_status(status: Status) -> &'static str {
    match status {
        Status::Pending => "PENDING",
        Status::Approved => "APPROVED",
        Status::Rejected => "REJECTED",
        Status::Invited => "INVITED",
        Status::Declined => "DECLINED",
        Status::Deactivated => "DEACTIVATED",
        Status::Banned => "BANNED",
        Status::Archived => "ARCHIVED",
    }
}
