//! Links and their properties.

use serde::Serialize;
use serde_json::Value;

use super::key::{KeyPrefix, LinkKey};
use crate::clock::Timestamp;
use crate::http_url::HttpUrl;
use crate::id::{GroupDefaultLinkId, LinkId, PartnerId, ProgramId, WorkspaceId};
use crate::partners::TenantId;
use crate::programs::short_link;
use crate::validation::{
    Bounded, Fields, FromFields, FromJson, Invalid, ProblemCode, Scope, Text, length, read_object,
};

/// Text without a limit of its own; the size of a request bounds it.
pub(super) type FreeText = Bounded<0, { usize::MAX }>;

/// The link's id in the customer's own system: 1–255 characters, unique in the workspace. A leading `ext_`, with
/// which a query marks such an id, is not part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalId(String);

impl ExternalId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text for ExternalId {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        length(text, 1, 255)?;
        let id = text.strip_prefix("ext_").unwrap_or(text);
        length(id, 1, 255)?;
        Ok(Self(id.to_owned()))
    }
}

/// One address of an A/B test and its share of the visitors.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct TestVariant {
    /// Where it leads.
    pub url: String,
    /// 10–90 per cent.
    pub percentage: f64,
}

impl FromFields for TestVariant {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let url = fields.required::<HttpUrl>("url");
        let percentage = fields.required::<Percentage>("percentage");
        Some(Self { url: url?.as_str().to_owned(), percentage: percentage?.0 })
    }
}

struct Percentage(f64);

impl FromJson for Percentage {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        let percentage = f64::from_json(value, scope)?;
        if percentage < 10.0 {
            scope.fail(Invalid::new(ProblemCode::TooSmall, "Must be at least 10"));
        } else if percentage > 90.0 {
            scope.fail(Invalid::new(ProblemCode::TooBig, "Must be at most 90"));
        } else {
            return Some(Self(percentage));
        }
        None
    }
}

impl FromJson for TestVariant {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        read_object(value, scope)
    }
}

/// 2–4 variants that share all visitors among them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TestVariants(Vec<TestVariant>);

impl FromJson for TestVariants {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        let count = value.as_array().map(Vec::len);
        if count.is_some_and(|count| count < 2) {
            scope.fail(Invalid::new(ProblemCode::TooSmall, "Must have at least 2 items"));
        } else if count.is_some_and(|count| count > 4) {
            scope.fail(Invalid::new(ProblemCode::TooBig, "Must have at most 4 items"));
        }
        let variants: Vec<TestVariant> = scope.list(value)?;
        if (2..=4).contains(&variants.len())
            && (variants.iter().map(|variant| variant.percentage).sum::<f64>() - 100.0).abs() > 1e-6
        {
            scope.fail(Invalid::new(ProblemCode::Custom, "The percentages must add up to 100"));
        }
        // Whoever noted a problem has refused the request; the value does not matter then.
        Some(Self(variants))
    }
}

/// One string, or a list of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OneOrMany(Vec<String>);

impl OneOrMany {
    /// The strings.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

impl FromJson for OneOrMany {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        let texts: Vec<FreeText> =
            if value.is_array() { scope.list(value)? } else { vec![FromJson::from_json(value, scope)?] };
        Some(Self(texts.iter().map(|text| text.as_str().to_owned()).collect()))
    }
}

/// What a request says about a new partner's default links (`linkProps`).
#[derive(Debug, Clone, Default)]
pub struct LinkProps {
    /// Where the keys live: `c/<key>`.
    pub prefix: Option<KeyPrefix>,
    /// The partner's id in the customer's system, if it stands nowhere else in the request.
    pub tenant_id: Option<TenantId>,
    /// Hashed before it is stored.
    pub password: Option<Bounded<1, { usize::MAX }>>,
    /// What is stored as it is.
    pub settings: LinkSettings,
}

/// The properties of a link that are stored as they were given. The names and meanings are those of `LinkProps`
/// in openapi.yaml.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "openapi.yaml documents them, under the same names")]
#[expect(clippy::struct_excessive_bools, reason = "they are independent properties of the wire format")]
pub struct LinkSettings {
    pub external_id: Option<ExternalId>,
    pub archived: bool,
    pub tag_ids: OneOrMany,
    pub tag_names: OneOrMany,
    pub comments: Option<FreeText>,
    pub expires_at: Option<Timestamp>,
    pub expired_url: Option<HttpUrl>,
    pub password_hash: Option<String>,
    pub proxy: bool,
    pub title: Option<FreeText>,
    pub description: Option<FreeText>,
    pub image: Option<HttpUrl>,
    pub video: Option<HttpUrl>,
    pub rewrite: bool,
    pub ios: Option<HttpUrl>,
    pub android: Option<HttpUrl>,
    pub do_index: bool,
    pub test_variants: Option<TestVariants>,
    pub test_started_at: Option<Timestamp>,
    pub test_completed_at: Option<Timestamp>,
}

impl FromFields for LinkProps {
    /// In the order of the document, which is the order in which problems are reported.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let mut settings = LinkSettings { external_id: fields.nullable("externalId"), ..LinkSettings::default() };
        let tenant_id = fields.nullable("tenantId");
        let prefix = fields.optional("prefix");
        settings.archived = fields.optional("archived").unwrap_or_default();
        settings.tag_ids = fields.optional("tagIds").unwrap_or_default();
        settings.tag_names = fields.optional("tagNames").unwrap_or_default();
        settings.comments = fields.nullable("comments");
        settings.expires_at = fields.nullable("expiresAt");
        settings.expired_url = fields.nullable("expiredUrl");
        let password = fields.nullable("password");
        settings.proxy = fields.optional("proxy").unwrap_or_default();
        settings.title = fields.nullable("title");
        settings.description = fields.nullable("description");
        settings.image = fields.nullable("image");
        settings.video = fields.nullable("video");
        settings.rewrite = fields.optional("rewrite").unwrap_or_default();
        settings.ios = fields.nullable("ios");
        settings.android = fields.nullable("android");
        settings.do_index = fields.optional("doIndex").unwrap_or_default();
        settings.test_variants = fields.nullable("testVariants");
        settings.test_started_at = fields.nullable("testStartedAt");
        settings.test_completed_at = fields.nullable("testCompletedAt");
        Some(Self { prefix, tenant_id, password, settings })
    }
}

/// Whose a link is. A partner has at most one enrollment in a program, so that these three name it.
#[derive(Debug, Clone, Copy)]
pub struct LinkOwner {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The program.
    pub program_id: ProgramId,
    /// The partner.
    pub partner_id: PartnerId,
}

/// A link to be made.
#[derive(Debug, Clone)]
pub(super) struct NewLink {
    /// Its id.
    pub id: LinkId,
    /// Its key.
    pub key: LinkKey,
    /// Where it leads.
    pub url: String,
    /// The default link of the group that it was made for.
    pub default_link_id: Option<GroupDefaultLinkId>,
    /// Its id in the customer's system.
    pub external_id: Option<ExternalId>,
}

/// A link in a partner's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PartnerLink {
    id: LinkId,
    domain: String,
    key: String,
    short_link: String,
    url: String,
    /// Visits.
    pub clicks: i64,
    /// Sign-ups.
    pub leads: i64,
    /// Sign-ups that became customers.
    pub conversions: i64,
    /// Payments, recurring ones included.
    pub sales: i64,
    /// In cents.
    pub sale_amount: i64,
}

/// A link as it is stored, with the domain that it lives on.
#[derive(Debug)]
pub(super) struct LinkRow {
    pub(super) id: LinkId,
    pub(super) host: String,
    pub(super) url_prefix: String,
    pub(super) key: String,
    pub(super) url: String,
    pub(super) clicks: i64,
    pub(super) leads: i64,
    pub(super) conversions: i64,
    pub(super) sales: i64,
    pub(super) sale_amount: i64,
}

impl From<LinkRow> for PartnerLink {
    fn from(row: LinkRow) -> Self {
        Self {
            short_link: short_link(&row.url_prefix, &row.key),
            id: row.id,
            domain: row.host,
            key: row.key,
            url: row.url,
            clicks: row.clicks,
            leads: row.leads,
            conversions: row.conversions,
            sales: row.sales,
            sale_amount: row.sale_amount,
        }
    }
}
