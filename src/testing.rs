//! The items that the tests under `tests/` need, in the folders where `src/` has them. No other code uses this module.

#![allow(missing_docs, reason = "the items are documented where they are defined")]

pub use crate::surfaces::api::build_app;

pub mod app {
    pub use crate::app::{Parts, assemble};

    pub mod shutdown {
        pub use crate::app::shutdown::Signals;
    }
}

pub mod db {
    pub use crate::db::{CREATE_ROLE, Db, Global, MIGRATOR, TableStatistics, Tenant, migrate, refresh_statistics};
}

pub mod domains {
    pub use crate::domains::{Host, LinkAddress, NewDomain, UrlPrefix, find_domain, insert_domain, short_link};
}

pub mod embed_tokens {
    pub use crate::embed_tokens::{Keyring, SigningKeySource};
}

pub mod enrollments {
    pub use crate::enrollments::PartnerRequest;
}

pub mod error {
    pub use crate::error::{Error, Result};
}

pub mod groups {
    pub use crate::groups::{DefaultLink, insert_group_default_link};
}

pub mod http {
    pub mod overload {
        pub use crate::http::overload::Limits;
    }

    pub mod rate_limit {
        pub use crate::http::rate_limit::{Limiter, SharedStore};
    }
}

pub mod idempotency {
    pub use crate::idempotency::{IdempotencyKey, claim_key, sweep};
}

pub mod links {
    pub use crate::links::{KeyBase, KeyPrefix, LinkKey, Names, check_username};
}

pub mod partners {
    pub use crate::partners::{Country, Email};
}

pub mod programs {
    pub use crate::programs::{AccessMode, ProgramChanges, update_default_program, update_program};
}

pub mod provisioning {
    pub use crate::provisioning::{CreateApiKey, CreateProgram, CreateWorkspace};
}

pub mod surfaces {
    pub use crate::surfaces::metrics;

    pub mod state {
        pub use crate::surfaces::state::AppState;
    }
}

pub mod telemetry {
    pub use crate::telemetry::Metrics;

    pub mod metrics {
        pub use crate::telemetry::metrics::PoolUse;
    }
}

pub mod validation {
    pub use crate::validation::{Text, read_request};
}

pub mod values {
    pub use crate::values::ProgramScope;

    pub mod clock {
        pub use crate::values::clock::{Clock, SystemClock, Timestamp};
    }

    pub mod http_url {
        pub use crate::values::http_url::HttpUrl;
    }

    pub mod id {
        pub use crate::values::id::{
            ApiKeyId, ApplicationId, DomainId, EnrollmentId, GroupDefaultLinkId, GroupId, Ids, LinkId, PartnerId,
            ProgramId, TagId, WorkspaceId,
        };
    }
}

pub mod work {
    pub use crate::work::{Actor, Command, Work};
}

pub mod workspaces {
    pub use crate::workspaces::{ApiKey, NewApiKey, Plan, RateLimits, Scope, Scopes, insert_api_key, revoke_api_key};
}
