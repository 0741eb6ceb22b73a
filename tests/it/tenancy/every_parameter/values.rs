//! The values of parameters: values of the caller's workspace, of the other workspace, and of nobody.
#![expect(clippy::disallowed_methods, reason = "reads ids that no answer shows")]

use std::collections::{BTreeMap, BTreeSet};

use pearset::testing::values::id::{
    ApplicationId, DomainId, GroupDefaultLinkId, GroupId, LinkId, PartnerId, ProgramId, TagId, WorkspaceId,
};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::tenancy::two_tenants::TwoTenants;

/// The kind of object that a text names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Application,
    DefaultLink,
    Domain,
    Email,
    ExternalId,
    /// A link by its external id.
    ExternalLink,
    GroupId,
    Host,
    /// The key of a link, the slug of a group, or the id of a partner in the customer's system.
    Name,
    LinkId,
    PartnerId,
    Program,
    TagId,
    TagName,
    Token,
}

/// A value of the other workspace, and a value of the same form and position in any order that nobody has.
struct Pair {
    kind: Kind,
    theirs: String,
    nobodys: String,
}

pub(super) struct Values {
    pairs: Vec<Pair>,
    own: BTreeMap<Kind, BTreeSet<String>>,
}

const NOBODY: Uuid = Uuid::from_u128(0x01900000_0000_7000_8000_0000000000ff);

impl Values {
    pub(super) async fn start(tenants: &TwoTenants, token: &str) -> Self {
        let sql = &mut tenants.app.sql().await;
        let mut pairs = Vec::new();
        macro_rules! ids {
            ($($kind:ident: $id:ty = $query:literal;)*) => {$(
                for id in ids(sql, $query, tenants.b.id).await {
                    let (theirs, nobodys) = (<$id>::from(id).to_string(), <$id>::from(NOBODY).to_string());
                    pairs.push(Pair { kind: Kind::$kind, theirs, nobodys });
                }
            )*};
        }
        ids! {
            Application: ApplicationId = "SELECT id FROM enrollments";
            DefaultLink: GroupDefaultLinkId = "SELECT id FROM group_default_links";
            Domain: DomainId = "SELECT id FROM domains";
            GroupId: GroupId = "SELECT id FROM groups";
            LinkId: LinkId = "SELECT id FROM links";
            PartnerId: PartnerId = "SELECT id FROM partners";
            Program: ProgramId = "SELECT id FROM programs";
            TagId: TagId = "SELECT id FROM tags";
        }
        for (kind, theirs, nobodys) in [
            (Kind::Token, token, "eyJhbGciOiJFUzI1NiJ9.e30.bm9ib2R5"),
            (Kind::Name, "only-b", "only-c"),
            (Kind::ExternalId, "only-b", "only-c"),
            (Kind::ExternalLink, "ext_only-b", "ext_only-c"),
            (Kind::Email, "only-b@example.com", "only-c@example.com"),
            (Kind::Host, "canary-bee.localhost", "canary-bef.localhost"),
            (Kind::TagName, "Blue", "Bluf"),
        ] {
            pairs.push(Pair { kind, theirs: theirs.to_owned(), nobodys: nobodys.to_owned() });
        }
        // The default domain is listed without its id.
        let domain = ids(sql, "SELECT id FROM domains", tenants.a.id).await[0];
        let own = [
            (Kind::Domain, DomainId::from(domain).to_string()),
            (Kind::Program, tenants.a.program_id.to_string()),
            (Kind::GroupId, tenants.a.group_id.to_string()),
            (Kind::Name, "shared".to_owned()),
            (Kind::ExternalId, "shared".to_owned()),
            (Kind::ExternalLink, "ext_shared".to_owned()),
            (Kind::Email, "shared@example.com".to_owned()),
            (Kind::Host, "acme.localhost".to_owned()),
            (Kind::TagName, "Own".to_owned()),
            (Kind::Token, "none".to_owned()),
            (Kind::Application, ApplicationId::from(NOBODY).to_string()),
        ];
        let own = own.into_iter().map(|(kind, value)| (kind, BTreeSet::from([value]))).collect();
        Self { pairs, own }
    }

    /// Adds the ids in an answer, which name objects of the caller's workspace.
    pub(super) fn learn(&mut self, answer: &Value) {
        match answer {
            Value::String(text) => {
                let kind = match text.split_once('_') {
                    Some((prefix, rest)) if rest.len() == 26 => match prefix {
                        "dom" => Kind::Domain,
                        "grp" => Kind::GroupId,
                        "link" => Kind::LinkId,
                        "pga" => Kind::Application,
                        "pgdl" => Kind::DefaultLink,
                        "pn" => Kind::PartnerId,
                        "tag" => Kind::TagId,
                        _ => return,
                    },
                    _ => return,
                };
                self.own.entry(kind).or_default().insert(text.clone());
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn(item)),
            Value::Object(members) => members.values().for_each(|member| self.learn(member)),
            _ => {}
        }
    }

    pub(super) fn own(&self, kinds: &[Kind]) -> Vec<&str> {
        kinds.iter().filter_map(|kind| self.own.get(kind)).flatten().map(String::as_str).collect()
    }

    pub(super) fn theirs(&self, kinds: &[Kind]) -> Vec<&str> {
        self.pairs.iter().filter(|pair| kinds.contains(&pair.kind)).map(|pair| pair.theirs.as_str()).collect()
    }

    /// Replaces the values of the other workspace in a text with the values that nobody has.
    pub(super) fn nobodys(&self, text: &str) -> String {
        self.pairs.iter().fold(text.to_owned(), |text, pair| text.replace(&pair.theirs, &pair.nobodys))
    }

    /// Replaces the values that nobody has in an answer with the values of the other workspace.
    pub(super) fn theirs_again(&self, answer: &Value) -> Value {
        // Only names: no answer has an id that nobody has.
        let texts = self.pairs.iter().filter(|pair| !pair.theirs.contains('_'));
        let text = texts.fold(answer.to_string(), |text, pair| text.replace(&pair.nobodys, &pair.theirs));
        serde_json::from_str(&text).unwrap()
    }
}

async fn ids(sql: &mut PgConnection, query: &str, workspace: WorkspaceId) -> Vec<Uuid> {
    let query = AssertSqlSafe(format!("{query} WHERE workspace_id = $1"));
    sqlx::query_scalar(query).bind(workspace).fetch_all(sql).await.unwrap()
}
