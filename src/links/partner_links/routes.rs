//! `/partners/links`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use std::sync::Arc;

use serde::Serialize;

use super::service::{self, PartnerLinkRequest};
use crate::access::{Caller, ReadPartnerLinks, WritePartnerLinks};
use crate::error::{Error, Result};
use crate::http::extract::{Body, Query};
use crate::http::response::{Created, Found};
use crate::links::change::Actor;
use crate::links::key::LinkKey;
use crate::links::model::LinkOwner;
use crate::links::props::LinkProps;
use crate::links::response::LinkAnswer;
use crate::links::store;
use crate::partners::PartnerRef;
use crate::programs::ProgramRef;
use crate::surfaces::state::App;
use crate::validation::{Change, Fields, FromFields};
use crate::values::ProgramScope;
use crate::values::http_url::HttpUrl;

/// Whose links are asked for.
pub(crate) struct PartnerLinksQuery {
    partner: Option<PartnerRef>,
    program: Option<ProgramRef>,
}

impl FromFields for PartnerLinksQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let partner = PartnerRef::from_fields(fields);
        Some(Self { partner, program: fields.optional("programId") })
    }
}

/// `GET /partners/links`: the links of a partner, oldest first.
pub(crate) async fn retrieve_partner_links(
    App(app): App,
    caller: Caller<ReadPartnerLinks>,
    Query(query): Query<PartnerLinksQuery>,
) -> Result<Found<impl Serialize>> {
    let partner = Arc::new(PartnerRef::named(query.partner)?);
    let scope = caller.program(query.program).await?;
    let ProgramScope { workspace_id, program_id } = scope;
    let links = app
        .db
        .tenant(workspace_id)
        .read("retrieve_partner_links", move |conn| {
            let partner = Arc::clone(&partner);
            Box::pin(async move {
                let partner_id = store::find_partner(conn, workspace_id, program_id, &partner).await?;
                let partner_id = partner_id.ok_or_else(Error::not_enrolled)?;
                store::list_partner_links(conn, LinkOwner { workspace_id, program_id, partner_id }).await
            })
        })
        .await?;
    Ok(Found(links))
}

/// What both requests that make a link have.
struct LinkFields {
    key: Option<LinkKey>,
    props: LinkProps,
    program: Option<ProgramRef>,
}

impl LinkFields {
    fn from_fields(fields: &mut Fields<'_>) -> Self {
        let key = fields.optional("key");
        let comments = fields.change("comments");
        let mut props: LinkProps = fields.object("linkProps").unwrap_or_default();
        // Nearer to the link than those of its properties.
        if comments != Change::Keep {
            props.settings.comments = comments;
        }
        Self { key, props, program: fields.optional("programId") }
    }
}

/// A link to be made.
pub(crate) struct CreatePartnerLinkRequest {
    partner: Option<PartnerRef>,
    url: Option<HttpUrl>,
    link: LinkFields,
}

impl FromFields for CreatePartnerLinkRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let partner = PartnerRef::from_fields(fields);
        let url = fields.nullable("url");
        Some(Self { partner, url, link: LinkFields::from_fields(fields) })
    }
}

/// `POST /partners/links`.
pub(crate) async fn create_partner_link(
    App(app): App,
    caller: Caller<WritePartnerLinks>,
    Body(CreatePartnerLinkRequest { partner, url, link }): Body<CreatePartnerLinkRequest>,
) -> Result<Created<impl Serialize>> {
    let partner = PartnerRef::named(partner)?;
    let scope = caller.program(link.program).await?;
    let mut request = PartnerLinkRequest { partner, url, key: link.key, props: link.props };
    request.props.settings.hash_password(&app.ids).await?;
    let (ids, now, api_key_id, request) = (Arc::clone(&app.ids), app.clock.now(), caller.api_key_id, Arc::new(request));
    let made = app
        .db
        .tenant(scope.workspace_id)
        .run("create_partner_link", move |conn, _| {
            let (ids, request) = (Arc::clone(&ids), Arc::clone(&request));
            Box::pin(async move {
                let actor = Actor { ids: &ids, now, api_key_id };
                service::create_partner_link(conn, actor, scope, &request).await
            })
        })
        .await?;
    Ok(Created(LinkAnswer::from(made)))
}

/// A link to an address, to be changed or made.
pub(crate) struct UpsertPartnerLinkRequest {
    partner: Option<PartnerRef>,
    url: HttpUrl,
    link: LinkFields,
}

impl FromFields for UpsertPartnerLinkRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let partner = PartnerRef::from_fields(fields);
        let url = fields.required("url");
        let link = LinkFields::from_fields(fields);
        Some(Self { partner, url: url?, link })
    }
}

/// `PUT /partners/links/upsert`.
pub(crate) async fn upsert_partner_link(
    App(app): App,
    caller: Caller<WritePartnerLinks>,
    Body(UpsertPartnerLinkRequest { partner, url, link }): Body<UpsertPartnerLinkRequest>,
) -> Result<Found<impl Serialize>> {
    let partner = PartnerRef::named(partner)?;
    let scope = caller.program(link.program).await?;
    let mut request = PartnerLinkRequest { partner, url: Some(url.clone()), key: link.key, props: link.props };
    request.props.settings.hash_password(&app.ids).await?;
    let (ids, now, api_key_id) = (Arc::clone(&app.ids), app.clock.now(), caller.api_key_id);
    let wanted = Arc::new((url, request));
    let link = app
        .db
        .tenant(scope.workspace_id)
        .run("upsert_partner_link", move |conn, _| {
            let (ids, wanted) = (Arc::clone(&ids), Arc::clone(&wanted));
            Box::pin(async move {
                let actor = Actor { ids: &ids, now, api_key_id };
                service::upsert_partner_link(conn, actor, scope, (&wanted.0, &wanted.1)).await
            })
        })
        .await?;
    Ok(Found(LinkAnswer::from(link)))
}
