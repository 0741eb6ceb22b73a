//! The one list of all routes, in the order of openapi.yaml.

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, delete, get, patch, post, put};
use tower_http::catch_panic::CatchPanicLayer;

use super::dialects::{affonso::routes as affonso, partnero::routes as partnero};
use super::guard::{Guard, RoutePolicy, guard};
use super::{docs, health, observe};
use crate::enrollments::{applications, invitations, lifecycle};
use crate::error::Error;
use crate::http::extract::BodyLimit;
use crate::http::time_limit;
use crate::links::partner_links::routes as partner_links;
use crate::links::routes as links;
use crate::surfaces::state::AppState;
use crate::{audit_logs, embed_tokens, enrollments, groups, tags};

/// Builds the whole application: every route, at each of the bases that the client libraries use, with the layers
/// around them.
pub fn build_app(app: AppState) -> Router {
    let guarded = |routes, policy: RoutePolicy| router(routes).route_layer(from_fn_with_state(Arc::new(policy), guard));
    let normal = RoutePolicy {
        guard: Guard::from_ref(&app),
        time_limit: time_limit::NORMAL,
        body_limit: BodyLimit::NORMAL,
        permits: 1,
    };
    let many_items = RoutePolicy {
        guard: Guard::from_ref(&app),
        time_limit: time_limit::BULK,
        body_limit: BodyLimit::BULK,
        permits: enrollments::bulk::CONCURRENCY,
    };
    let api = guarded(api(), normal).merge(guarded(bulk(), many_items));
    Router::new()
        .merge(api.clone())
        .nest("/api", api.clone())
        .nest("/v1", api)
        .merge(router(public()).route_layer(from_fn(time_limit::normal)))
        .with_state(app.clone())
        .merge(docs::pages())
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(observe::on_panic))
        .layer(from_fn_with_state(app, observe::observe))
}

type Route = (&'static str, MethodRouter<AppState>);

/// The routes that need an API key.
fn api() -> Vec<Route> {
    vec![
        ("/tokens/embed/referrals", post(embed_tokens::routes::create_referrals_embed_token)),
        ("/tokens/embed/referrals/revoke", post(embed_tokens::routes::revoke_referrals_embed_tokens)),
        ("/tokens/embed/referrals/verify", post(embed_tokens::routes::verify_referrals_embed_token)),
        ("/embed/token", post(affonso::create_embed_token)),
        ("/partners", get(enrollments::listing::routes::list_partners).post(enrollments::routes::create_partner)),
        ("/partners/count", get(enrollments::listing::routes::count_partners)),
        ("/partners/ban", post(lifecycle::routes::ban_partner)),
        ("/partners/unban", post(lifecycle::routes::unban_partner)),
        ("/partners/deactivate", post(lifecycle::routes::deactivate_partner)),
        ("/partners/reactivate", post(lifecycle::routes::reactivate_partner)),
        ("/partners/invites", post(invitations::routes::invite_partner)),
        ("/partners/invites/{id}", delete(invitations::routes::delete_partner_invite)),
        ("/partners/applications", get(applications::routes::list_partner_applications)),
        ("/partners/applications/approve", post(applications::routes::approve_partner_application)),
        ("/partners/applications/reject", post(applications::routes::reject_partner_application)),
        ("/program-applications", get(applications::routes::list_partner_applications)),
        ("/program-applications/approve", post(applications::routes::approve_partner_application)),
        ("/program-applications/reject", post(applications::routes::reject_partner_application)),
        (
            "/partners/{id}",
            get(enrollments::routes::retrieve_partner).patch(enrollments::update::routes::update_partner),
        ),
        ("/partners/links", get(partner_links::retrieve_partner_links).post(partner_links::create_partner_link)),
        ("/partners/links/upsert", put(partner_links::upsert_partner_link)),
        ("/links/info", get(links::get_link_info)),
        ("/links/{id}", get(links::get_link).patch(links::update_link).delete(links::delete_link)),
        ("/tags", get(tags::routes::get_tags).post(tags::routes::create_tag)),
        ("/tags/{id}", patch(tags::routes::update_tag).delete(tags::routes::delete_tag)),
        ("/partners/{id}/referral_links", get(partnero::list_partner_referral_links)),
        ("/groups", get(groups::routes::list_groups).post(groups::routes::create_group)),
        (
            "/groups/{id}",
            get(groups::routes::retrieve_group)
                .patch(enrollments::groups::routes::update_group)
                .delete(enrollments::groups::routes::delete_group),
        ),
        ("/partner_referral_links", post(partnero::create_partner_referral_link)),
        ("/partner_referral_links:domains", get(partnero::list_partner_referral_link_domains)),
        ("/partner_referral_links:search", get(partnero::search_partner_referral_links)),
        (
            "/partner_referral_links/{id}",
            get(partnero::retrieve_partner_referral_link)
                .put(partnero::update_partner_referral_link)
                .delete(partnero::delete_partner_referral_link),
        ),
        ("/audit-logs", get(audit_logs::routes::list_audit_logs)),
    ]
}

/// The routes that need an API key and work on many items.
fn bulk() -> Vec<Route> {
    vec![("/partners/bulk", post(enrollments::bulk::routes::bulk_create_partners))]
}

/// The routes that need no API key.
fn public() -> Vec<Route> {
    vec![
        ("/healthz", get(health::get_health)),
        ("/readyz", get(health::get_readiness)),
        ("/.well-known/jwks.json", get(embed_tokens::routes::get_jwks)),
        ("/openapi.yaml", get(docs::get_openapi_yaml)),
        ("/openapi.json", get(docs::get_openapi_json)),
    ]
}

fn router(routes: Vec<Route>) -> Router<AppState> {
    routes.into_iter().fold(Router::new(), |router, (path, handlers)| router.route(path, handlers))
}

async fn not_found() -> Error {
    Error::not_found("There is nothing at this path.")
}

async fn method_not_allowed() -> Error {
    Error::method_not_allowed()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    /// Tests of the running application show that the methods agree too.
    #[test]
    fn paths_are_those_of_the_contract() {
        let contract: Value = serde_json::from_str(docs::OPENAPI_JSON).unwrap();
        let documented: BTreeSet<&str> = contract["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        let listed = api().into_iter().chain(bulk()).chain(public()).map(|(path, _)| path);
        // The files of the documentation page are not part of the contract.
        assert_eq!(listed.chain(["/docs"]).collect::<BTreeSet<_>>(), documented);
    }
}
