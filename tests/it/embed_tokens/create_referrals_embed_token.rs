//! `POST /tokens/embed/referrals`.
