//! `POST /embed/token`, in the form of Affonso's API.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

pub(in crate::surfaces) mod error;

use std::time::Duration;

use serde::Serialize;

use crate::access::{Caller, MintTokens};
use crate::embed_tokens::{find_places, mint};
use crate::enrollments::{Asked, Origin, PartnerRequest, Status, enroll_and_read};
use crate::error::Result;
use crate::groups::GroupRef;
use crate::http::extract::Body;
use crate::http::response::Created;
use crate::links::LinkProps;
use crate::partners::{Email, Metadata, Profile, TenantId};
use crate::programs::ProgramRef;
use crate::surfaces::state::App;
use crate::validation::{Bounded, Fields, FromFields};
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::values::http_url::HttpUrl;

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
    let scope = caller.program(Some(program)).await?;
    let ProgramScope { workspace_id, program_id } = scope;
    let _program = (workspace_id, program_id);
    let asked = Asked::for_partner(scope, Origin::TrustedToken, Some(caller.api_key_id), partner);
    let enrolled = enroll_and_read(&app, asked, move |conn, enrolled| {
        Box::pin(find_places(conn, workspace_id, program_id, enrolled.partner_id))
    });
    let (enrolled, places) = Box::pin(enrolled).await?;
    let minted = mint(&app, scope, &enrolled, LIFETIME, "/embed/token")?;
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
