//! `POST /embed/token`, in the form of Affonso's API.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use std::time::Duration;

use serde::Serialize;

use super::mint::mint;
use super::store;
use crate::clock::Timestamp;
use crate::enrollments::{Asked, Origin, PartnerRequest, Status, enroll_and_read};
use crate::error::Result;
use crate::http::extract::{App, Body, Caller, MintTokens};
use crate::http::response::Created;
use crate::http_url::HttpUrl;
use crate::links::LinkProps;
use crate::partners::{Email, Metadata, Profile, TenantId};
use crate::programs::{GroupRef, ProgramRef};
use crate::validation::{Bounded, Fields, FromFields};

/// How long these tokens work, whatever the program says.
const LIFETIME: Duration = Duration::from_mins(30);

/// A request for a token of a partner whom the customer vouches for.
pub struct EmbedTokenRequest {
    program: ProgramRef,
    partner: PartnerRequest,
}

impl FromFields for EmbedTokenRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let program = fields.required("programId");
        let person = fields.required_object::<Person>("partner");
        // Whatever is no id or slug is one that does not exist.
        let group = fields.optional::<Bounded<0, { usize::MAX }>>("groupId");
        let tenant_id = fields.optional::<TenantId>("externalUserId");
        let metadata = fields.optional::<Metadata>("metadata");
        let Person { name, email, image } = person?;
        let profile = Profile { name, email, username: None, image, country: None, description: None };
        let group = group.map(|group| GroupRef::from(group.as_str()));
        let partner = PartnerRequest { profile, tenant_id, group, metadata, link_props: LinkProps::default() };
        Some(Self { program: program?, partner })
    }
}

/// What these requests tell about a person.
struct Person {
    name: Option<Bounded<0, 100>>,
    email: Email,
    image: Option<HttpUrl>,
}

impl FromFields for Person {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let email = fields.required("email");
        let name = fields.nullable("name");
        let image = fields.nullable("image");
        Some(Self { name, email: email?, image })
    }
}

/// The token, in the envelope of every answer here.
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

/// `POST /embed/token`: the enrollment that the request means, made if there is none, and a token for it that ends
/// all earlier ones.
pub async fn create_embed_token(
    App(app): App,
    caller: Caller<MintTokens>,
    Body(EmbedTokenRequest { program, partner }): Body<EmbedTokenRequest>,
) -> Result<Created<EmbedTokenAnswer>> {
    let (workspace_id, program_id) = caller.program(&app, Some(program)).await?;
    let program = (workspace_id, program_id);
    let asked = Asked::for_partner(program, Origin::TrustedToken, Some(caller.api_key_id), partner);
    let enrolled = enroll_and_read(&app, asked, move |conn, enrolled| {
        Box::pin(store::find_places(conn, workspace_id, program_id, enrolled.partner_id))
    });
    let (enrolled, places) = Box::pin(enrolled).await?;
    let minted = mint(&app, program, &enrolled, LIFETIME, "/embed/token")?;
    let data = EmbedTokenData {
        public_token: minted.token,
        expires_at: minted.expires,
        link: places.link,
        portal_url: places.portal_url,
        partnership_status: in_capitals(enrolled.status),
    };
    Ok(Created(EmbedTokenAnswer { success: true, data }))
}

fn in_capitals(status: Status) -> &'static str {
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
