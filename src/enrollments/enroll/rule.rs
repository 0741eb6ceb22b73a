//! The enrollment rule: turns a request and the existing enrollments into an enroll plan of everything that will be
//! written. The rule is pure, so that every row of the rule's table can be read and tested here.

use super::model::{EnrollRequest, Enrolled, Origin};
use super::status_change::StatusChange;
use crate::enrollments::model::{Candidate, Candidates, Status};
use crate::error::{Error, Result};
use crate::programs::AccessMode;
use crate::values::clock::Timestamp;
use crate::values::id::PartnerId;

/// The decision of the enrollment rule about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plan {
    /// Nothing is written, because the enrollment already is as the request asks.
    Nothing(Enrolled),
    /// An existing enrollment is changed.
    Update(Update),
    /// A new enrollment is created: for the partner who has the e-mail address already, or for a new partner.
    Create { known_partner: Option<PartnerId> },
}

/// The changes to an existing enrollment. At least one of them is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Update {
    pub(super) found: Candidate,
    /// The tenant id that replaces the tenant id of the enrollment.
    pub(super) bind_tenant_id: Option<String>,
    pub(super) status_change: Option<StatusChange>,
    /// True if all earlier tokens are revoked and the metadata of the request replaces the metadata of the enrollment.
    pub(super) revoke_tokens: bool,
    /// True if the enrollment gets its missing default links.
    pub(super) default_links: bool,
}

/// Decides about a request. Runs once per attempt.
///
/// # Errors
/// 404 when nothing is found and nothing may be created, 409 when the identities contradict each other, 400, 403 and
/// 410 for a status that forbids the request.
pub(super) fn plan(request: &EnrollRequest, candidates: &Candidates, now: Timestamp) -> Result<Plan> {
    let (found, bind_tenant_id) = match find_target(request, candidates)? {
        Target::Existing(found) => (found, None),
        Target::Bind(found) => (found, request.identity.tenant_id.clone()),
        Target::New => return Ok(Plan::Create { known_partner: candidates.known_partner }),
    };
    // A status that forbids the request forbids every other change for the request, too.
    let status_change = StatusChange::for_request(request.origin, found, now)?;
    let revoke_tokens = match request.origin {
        Origin::TrustedToken => true,
        Origin::Token | Origin::Workspace | Origin::Invitation(_) => false,
    };
    let default_links = found.lacks_default_links;
    if bind_tenant_id.is_none() && status_change.is_none() && !revoke_tokens && !default_links {
        return Ok(Plan::Nothing(Enrolled::from(found)));
    }
    Ok(Plan::Update(Update { found: found.clone(), bind_tenant_id, status_change, revoke_tokens, default_links }))
}

/// Returns the status of a new enrollment.
///
/// # Errors
/// 403 for a token request in a program that only invited partners can join.
pub(super) fn initial_status(origin: Origin, access_mode: AccessMode) -> Result<Status> {
    match (origin, access_mode) {
        (Origin::Invitation(_), _) => Ok(Status::Invited),
        (Origin::Workspace, _) | (Origin::Token | Origin::TrustedToken, AccessMode::Public) => Ok(Status::Approved),
        (Origin::Token | Origin::TrustedToken, AccessMode::Private) => Ok(Status::Pending),
        (Origin::Token | Origin::TrustedToken, AccessMode::Invite) => {
            Err(Error::forbidden("Only invited partners can join this program."))
        }
    }
}

/// The enrollment that a request means.
enum Target<'a> {
    /// This enrollment.
    Existing(&'a Candidate),
    /// This enrollment, which gets the tenant id of the request.
    Bind(&'a Candidate),
    /// A new enrollment.
    New,
}

/// Finds the enrollment that a request means, by the eight rows of the enrollment rule.
fn find_target<'a>(request: &EnrollRequest, candidates: &'a Candidates) -> Result<Target<'a>> {
    let EnrollRequest { origin, identity, .. } = request;
    let has_profile = request.partner.is_some();
    // Row 1.
    if let Some(enrollment) = &candidates.by_partner {
        return Ok(Target::Existing(enrollment));
    }
    if identity.names_partner && !has_profile {
        return Err(Error::not_enrolled());
    }
    match (&candidates.by_tenant, &candidates.by_email) {
        // Row 2.
        (Some(a), None) => match origin {
            Origin::Token | Origin::TrustedToken | Origin::Workspace => Ok(Target::Existing(a)),
            // The invitation is for the owner of the e-mail address, and this partner has another address.
            Origin::Invitation(_) => Err(belongs_to_another()),
        },
        (Some(a), Some(b)) if a.enrollment_id == b.enrollment_id => Ok(Target::Existing(a)),
        // Row 3.
        (Some(a), Some(_)) => match origin {
            Origin::Token => Ok(Target::Existing(a)),
            Origin::TrustedToken | Origin::Workspace | Origin::Invitation(_) => Err(belongs_to_another()),
        },
        (None, Some(b)) => match (&identity.tenant_id, &b.tenant_id) {
            // Row 8.
            (None, _) => Ok(Target::Existing(b)),
            // Row 4.
            (Some(_), None) => Ok(Target::Bind(b)),
            // Row 5. (Equal ids would have found the enrollment by tenant id.)
            (Some(_), Some(_)) => match origin {
                Origin::Token => Err(Error::conflict("The partner with this email is enrolled with another tenantId.")),
                Origin::TrustedToken | Origin::Workspace | Origin::Invitation(_) => Ok(Target::Bind(b)),
            },
        },
        // Rows 6 and 8.
        (None, None) if has_profile => Ok(Target::New),
        // Row 7.
        (None, None) => Err(Error::not_enrolled()),
    }
}

fn belongs_to_another() -> Error {
    Error::conflict("The tenantId belongs to another partner of this program.")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use serde_json::json;

    use super::super::model::Invitation;
    use super::*;
    use crate::enrollments::model::Identity;
    use crate::enrollments::request::PartnerRequest;
    use crate::error::Code;
    use crate::validation::read_request;
    use crate::values::ProgramScope;
    use crate::values::id::{EnrollmentId, GroupId, Ids};

    fn now() -> Timestamp {
        Timestamp::from(time::OffsetDateTime::UNIX_EPOCH)
    }

    fn enrollment(seed: u64, tenant_id: Option<&str>) -> Candidate {
        let ids = Ids::seeded(seed);
        Candidate {
            enrollment_id: ids.next::<EnrollmentId>(now()),
            partner_id: ids.next(now()),
            group_id: ids.next::<GroupId>(now()),
            tenant_id: tenant_id.map(str::to_owned),
            status: Status::Approved,
            token_epoch: 0,
            invite_expires_at: None,
            token_lifetime_seconds: 3600,
            lacks_default_links: false,
        }
    }

    fn invitation() -> Invitation {
        Invitation { expires_at: now() + Duration::from_hours(24) }
    }

    fn origins() -> [Origin; 4] {
        [Origin::Token, Origin::TrustedToken, Origin::Workspace, Origin::Invitation(invitation())]
    }

    fn request(origin: Origin, identity: Identity, has_profile: bool) -> EnrollRequest {
        let ids = Ids::seeded(99);
        let partner: PartnerRequest = read_request(&json!({ "email": "jane@example.com" })).unwrap();
        EnrollRequest {
            scope: ProgramScope { workspace_id: ids.next(now()), program_id: ids.next(now()) },
            origin,
            identity: Arc::new(identity),
            partner: has_profile.then(|| Box::new(partner)),
        }
    }

    /// The outcome of a row of the table, by name instead of by reference.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Outcome {
        Partner,
        A,
        B,
        BindB,
        Create,
        Refuse(Code),
    }

    type Found<'a> = [Option<&'a Candidate>; 3];
    type Row<'a> = (&'a str, bool, Found<'a>, bool, Outcome, Outcome);

    #[test]
    fn each_row_of_the_rule_decides_for_every_origin() {
        use Outcome::*;
        let (p, a) = (enrollment(1, None), enrollment(2, Some("T")));
        let (b_free, b_other) = (enrollment(3, None), enrollment(4, Some("other")));
        // (row, T given, found by partner / tenant / e-mail, profile given, outcome of a token request, outcome where
        // the workspace vouches for the identity)
        let rows: [Row<'_>; 14] = [
            ("1", false, [Some(&p), None, None], false, Partner, Partner),
            ("1, others too", true, [Some(&p), Some(&a), Some(&b_other)], true, Partner, Partner),
            ("1, unknown", false, [None, None, None], false, Refuse(Code::NotFound), Refuse(Code::NotFound)),
            ("2, no B", true, [None, Some(&a), None], true, A, A),
            ("2, B is A", true, [None, Some(&a), Some(&a)], true, A, A),
            ("2, no profile", true, [None, Some(&a), None], false, A, A),
            ("3", true, [None, Some(&a), Some(&b_free)], true, A, Refuse(Code::Conflict)),
            ("4", true, [None, None, Some(&b_free)], true, BindB, BindB),
            ("5", true, [None, None, Some(&b_other)], true, Refuse(Code::Conflict), BindB),
            ("6", true, [None, None, None], true, Create, Create),
            ("7", true, [None, None, None], false, Refuse(Code::NotFound), Refuse(Code::NotFound)),
            ("8, B", false, [None, None, Some(&b_other)], true, B, B),
            ("8, B without", false, [None, None, Some(&b_free)], true, B, B),
            ("8, new", false, [None, None, None], true, Create, Create),
        ];
        for (row, has_tenant, [by_partner, by_tenant, by_email], has_profile, token, workspace) in rows {
            // Only in these rows the person with the e-mail address is not the partner with the tenant id.
            let invitation = if row.starts_with("2, no ") { Refuse(Code::Conflict) } else { workspace };
            for (origin, expected) in origins().into_iter().zip([token, workspace, workspace, invitation]) {
                let identity = Identity { tenant_id: has_tenant.then(|| "T".to_owned()), ..Identity::default() };
                let request = request(origin, identity, has_profile);
                // The status that each origin accepts.
                let status = if let Origin::Invitation(_) = origin { Status::Invited } else { Status::Approved };
                let found =
                    |candidate: Option<&Candidate>| candidate.map(|found| Candidate { status, ..found.clone() });
                let candidates = Candidates {
                    by_partner: found(by_partner),
                    by_tenant: found(by_tenant),
                    by_email: found(by_email),
                    known_partner: None,
                };
                let is = |id, candidate: Option<&Candidate>| candidate.is_some_and(|found| found.enrollment_id == id);
                let existing = |id| {
                    if is(id, by_partner) {
                        Partner
                    } else if is(id, by_tenant) {
                        A
                    } else {
                        B
                    }
                };
                let outcome = match plan(&request, &candidates, now()) {
                    Ok(Plan::Nothing(enrolled)) => existing(enrolled.enrollment_id),
                    Ok(Plan::Update(Update { found, bind_tenant_id: Some(tenant_id), .. })) => {
                        assert!(tenant_id == "T" && is(found.enrollment_id, by_email), "row {row}, {origin:?}");
                        BindB
                    }
                    Ok(Plan::Update(update)) => existing(update.found.enrollment_id),
                    Ok(Plan::Create { known_partner: None }) => Create,
                    Ok(Plan::Create { known_partner: Some(_) }) => panic!("nobody is known"),
                    Err(error) => Refuse(error.code()),
                };
                assert_eq!(outcome, expected, "row {row}, {origin:?}");
            }
        }
    }

    #[test]
    fn an_unknown_partner_id_is_fatal_without_a_profile() {
        let identity = Identity { names_partner: true, tenant_id: Some("T".to_owned()), ..Identity::default() };
        let candidates = Candidates { by_tenant: Some(enrollment(1, Some("T"))), ..Candidates::default() };
        let planned = |has_profile| plan(&request(Origin::Token, identity.clone(), has_profile), &candidates, now());
        assert_eq!(planned(false).map_err(|error| error.code()), Err(Code::NotFound));
        assert!(matches!(planned(true), Ok(Plan::Nothing(_))));
    }

    #[test]
    fn a_known_partner_gets_the_new_enrollment() {
        let known_partner = Some(enrollment(1, None).partner_id);
        let candidates = Candidates { known_partner, ..Candidates::default() };
        for origin in origins() {
            let planned = plan(&request(origin, Identity::default(), true), &candidates, now());
            assert_eq!(planned.unwrap(), Plan::Create { known_partner }, "{origin:?}");
        }
    }

    /// The changes to an enrollment that was found and keeps its tenant id.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Changes {
        Nothing,
        Accept,
        Revoke,
        AcceptAndRevoke,
        Invite,
        Refuse(Code),
    }

    #[test]
    fn each_status_accepts_or_refuses_every_origin() {
        use Changes::*;
        use Status::*;
        let open = Some(now() + Duration::from_secs(1));
        let ended = Some(now());
        let (forbidden, bad) = (Refuse(Code::Forbidden), Refuse(Code::BadRequest));
        let gone = Refuse(Code::InviteExpired);
        // (status, end of the invitation, token, trusted token, workspace, invitation)
        let rows = [
            (Approved, None, [Nothing, Revoke, Nothing, bad]),
            (Archived, None, [Nothing, Revoke, Nothing, bad]),
            (Pending, None, [Nothing, Revoke, Nothing, bad]),
            (Invited, open, [Accept, AcceptAndRevoke, Nothing, Invite]),
            (Invited, ended, [gone, gone, Nothing, Invite]),
            (Declined, None, [forbidden, forbidden, Nothing, Invite]),
            (Rejected, None, [forbidden, forbidden, Nothing, bad]),
            (Banned, None, [forbidden, forbidden, Nothing, bad]),
            (Deactivated, None, [forbidden, forbidden, Nothing, bad]),
        ];
        for (status, invite_expires_at, expected) in rows {
            for (origin, expected) in origins().into_iter().zip(expected) {
                for (lacks_default_links, bound) in [(false, false), (true, false), (false, true), (true, true)] {
                    let found = Candidate { status, invite_expires_at, lacks_default_links, ..enrollment(1, None) };
                    let tenant_id = bound.then(|| "T".to_owned());
                    let identity = Identity { tenant_id: tenant_id.clone(), ..Identity::default() };
                    let candidates = Candidates { by_email: Some(found.clone()), ..Candidates::default() };
                    let planned = plan(&request(origin, identity, true), &candidates, now());
                    let (status_change, revoke_tokens) = match expected {
                        Refuse(code) => {
                            assert_eq!(planned.map_err(|error| error.code()), Err(code), "{status:?}, {origin:?}");
                            continue;
                        }
                        Nothing => (None, false),
                        Accept => (Some(StatusChange::AcceptInvitation), false),
                        Revoke => (None, true),
                        AcceptAndRevoke => (Some(StatusChange::AcceptInvitation), true),
                        Invite => (Some(StatusChange::Invite(invitation())), false),
                    };
                    let plan = if expected == Nothing && !lacks_default_links && !bound {
                        Plan::Nothing(Enrolled::from(&found))
                    } else {
                        Plan::Update(Update {
                            found,
                            bind_tenant_id: tenant_id,
                            status_change,
                            revoke_tokens,
                            default_links: lacks_default_links,
                        })
                    };
                    assert_eq!(planned.unwrap(), plan, "{status:?}, {origin:?}");
                }
            }
        }
    }

    #[test]
    fn origin_and_access_mode_decide_the_first_status() {
        use AccessMode::*;
        for (access_mode, expected) in [
            (Public, [Ok(Status::Approved), Ok(Status::Approved)]),
            (Private, [Ok(Status::Pending), Ok(Status::Approved)]),
            (Invite, [Err(Code::Forbidden), Ok(Status::Approved)]),
        ] {
            let status = |origin| initial_status(origin, access_mode).map_err(|error| error.code());
            assert_eq!([status(Origin::Token), status(Origin::Workspace)], expected);
            assert_eq!(status(Origin::TrustedToken), expected[0]);
            assert_eq!(status(Origin::Invitation(invitation())), Ok(Status::Invited));
        }
    }
}
