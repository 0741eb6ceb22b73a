//! The enrollment rule: from what a request names and what exists to what happens. Pure, so that every row of its
//! table can be read and tested here.

use crate::enrollments::model::Candidate;
use crate::error::{Error, Result};
use crate::values::clock::Timestamp;
use crate::values::id::PartnerId;

/// On which behalf an enrollment is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A token for a partner: the e-mail is often unverified, the tenant id is what the host application has
    /// authenticated.
    Token,
    /// A token for a partner whose tenant id and e-mail the workspace vouches for.
    TrustedToken,
    /// The workspace enrolls a partner itself.
    Workspace,
    /// The workspace invites a partner.
    Invitation(Invitation),
}

/// What the workspace invites a partner with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invitation {
    /// When it lapses.
    pub expires_at: Timestamp,
}

/// Who a request is about.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    /// Whether the request names a partner by id, be it one that exists or not.
    pub names_partner: bool,
    /// That partner; an id that does not parse is one that does not exist.
    pub partner_id: Option<PartnerId>,
    /// The partner's id in the customer's system.
    pub tenant_id: Option<String>,
    /// The normalised e-mail.
    pub email_normalized: Option<String>,
}

/// The enrollments that a request may mean, and the partner who is not enrolled yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::enrollments) struct Candidates {
    /// The enrollment of the partner with the id that the request names.
    pub by_partner: Option<Candidate>,
    /// The enrollment with the tenant id that the request names.
    pub by_tenant: Option<Candidate>,
    /// The enrollment of the partner with the e-mail that the request names.
    pub by_email: Option<Candidate>,
    /// The partner with that e-mail, where it is not enrolled in this program.
    pub known_partner: Option<PartnerId>,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::enrollments) enum Decision<'a> {
    /// This enrollment, as it is.
    Use(&'a Candidate),
    /// This enrollment, which gets the tenant id of the request.
    Bind(&'a Candidate),
    /// A new enrollment.
    Create,
}

/// Decides by the eight rows of the enrollment rule.
///
/// # Errors
/// 404 when nothing is found and nothing may be created, 409 when the identities contradict each other.
pub(in crate::enrollments) fn decide<'a>(
    origin: Origin,
    identity: &Identity,
    has_profile: bool,
    found: &'a Candidates,
) -> Result<Decision<'a>> {
    // Row 1.
    if let Some(enrollment) = &found.by_partner {
        return Ok(Decision::Use(enrollment));
    }
    if identity.names_partner && !has_profile {
        return Err(Error::not_enrolled());
    }
    match (&found.by_tenant, &found.by_email) {
        // Row 2.
        (Some(a), None) => match origin {
            Origin::Token | Origin::TrustedToken | Origin::Workspace => Ok(Decision::Use(a)),
            // The invitation is for whoever has the e-mail, and that is not this partner.
            Origin::Invitation(_) => Err(belongs_to_another()),
        },
        (Some(a), Some(b)) if a.enrollment_id == b.enrollment_id => Ok(Decision::Use(a)),
        // Row 3.
        (Some(a), Some(_)) => match origin {
            Origin::Token => Ok(Decision::Use(a)),
            Origin::TrustedToken | Origin::Workspace | Origin::Invitation(_) => Err(belongs_to_another()),
        },
        (None, Some(b)) => match (&identity.tenant_id, &b.tenant_id) {
            // Row 8.
            (None, _) => Ok(Decision::Use(b)),
            // Row 4.
            (Some(_), None) => Ok(Decision::Bind(b)),
            // Row 5. (Equal ids would have found the enrollment by tenant id.)
            (Some(_), Some(_)) => match origin {
                Origin::Token => Err(Error::conflict("The partner with this email is enrolled with another tenantId.")),
                Origin::TrustedToken | Origin::Workspace | Origin::Invitation(_) => Ok(Decision::Bind(b)),
            },
        },
        // Rows 6 and 8.
        (None, None) if has_profile => Ok(Decision::Create),
        // Row 7.
        (None, None) => Err(Error::not_enrolled()),
    }
}

fn belongs_to_another() -> Error {
    Error::conflict("The tenantId belongs to another partner of this program.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrollments::model::Status;
    use crate::error::Code;
    use crate::values::id::{EnrollmentId, GroupId, Ids};

    fn enrollment(seed: u64, tenant_id: Option<&str>) -> Candidate {
        let now = Timestamp::from(time::OffsetDateTime::UNIX_EPOCH);
        let ids = Ids::seeded(seed);
        Candidate {
            enrollment_id: ids.next::<EnrollmentId>(now),
            partner_id: ids.next(now),
            group_id: ids.next::<GroupId>(now),
            tenant_id: tenant_id.map(str::to_owned),
            status: Status::Approved,
            token_epoch: 0,
            invite_expires_at: None,
            token_lifetime_seconds: 3600,
            lacks_default_links: false,
        }
    }

    fn lapsing_at_once() -> Invitation {
        let now = Timestamp::from(time::OffsetDateTime::UNIX_EPOCH);
        Invitation { expires_at: now }
    }

    /// What a row of the table says, by name instead of by reference.
    #[derive(Debug, PartialEq)]
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
    fn every_row_for_every_origin() {
        use Outcome::*;
        let (p, a) = (enrollment(1, None), enrollment(2, Some("T")));
        let (b_free, b_other) = (enrollment(3, None), enrollment(4, Some("other")));
        // (row, T given, found by partner / tenant / e-mail, profile given, token, where the workspace vouches)
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
            let identity = Identity { tenant_id: has_tenant.then(|| "T".to_owned()), ..Identity::default() };
            let found = Candidates {
                by_partner: by_partner.cloned(),
                by_tenant: by_tenant.cloned(),
                by_email: by_email.cloned(),
                known_partner: None,
            };
            // Only there the e-mail says who comes.
            let invitation = if row.starts_with("2, no ") { &Refuse(Code::Conflict) } else { &workspace };
            let origins = [
                (Origin::Token, &token),
                (Origin::TrustedToken, &workspace),
                (Origin::Workspace, &workspace),
                (Origin::Invitation(lapsing_at_once()), invitation),
            ];
            for (origin, expected) in origins {
                let outcome = match decide(origin, &identity, has_profile, &found) {
                    Ok(Decision::Use(used)) if Some(used) == by_partner => Partner,
                    Ok(Decision::Use(used)) if Some(used) == by_tenant => A,
                    Ok(Decision::Use(_)) => B,
                    Ok(Decision::Bind(_)) => BindB,
                    Ok(Decision::Create) => Create,
                    Err(error) => Refuse(error.code()),
                };
                assert_eq!(outcome, *expected, "row {row}, {origin:?}");
            }
        }
    }

    #[test]
    fn an_unknown_partner_id_ends_it_unless_there_is_a_partner_to_go_on_with() {
        let identity = Identity { names_partner: true, tenant_id: Some("T".to_owned()), ..Identity::default() };
        let found = Candidates { by_tenant: Some(enrollment(1, Some("T"))), ..Candidates::default() };
        let decided = |has_profile| decide(Origin::Token, &identity, has_profile, &found);
        assert_eq!(decided(false).map_err(|error| error.code()), Err(Code::NotFound));
        assert!(matches!(decided(true), Ok(Decision::Use(_))));
    }
}
