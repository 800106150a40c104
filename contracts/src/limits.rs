//! Every limit of the ledger, in one place; units stand last in the names.
//!
//! Limits of consensus are rules: a change of one is a protocol upgrade. Limits of the node
//! (mempool, RPC, peers) bound memory and may be tightened by configuration, never widened.

// --- ops and transactions (ledger.md §1-3, §11)
/// Nesting of a received JSON value.
pub const JSON_DEPTH_MAX: usize = 16;
/// Signatures of one op.
pub const OP_SIGNATURES_MAX: usize = 40;
/// Payload of a transaction, but of `import_part`.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024;
/// Whole transaction: payload and its envelope.
pub const TRANSACTION_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + 128;
/// Payload of an `import_part`.
pub const IMPORT_PAYLOAD_BYTES_MAX: usize = 256 * 1024;
/// Whole `import_part`, the largest transaction there is: payload and its envelope.
pub const IMPORT_PART_BYTES_MAX: usize = IMPORT_PAYLOAD_BYTES_MAX + 128;

// --- blocks
/// Body of a block.
pub const BLOCK_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Transactions of a block.
pub const BLOCK_TRANSACTIONS_MAX: usize = 10_000;
/// How far a block's time may be ahead of a validator's clock.
pub const BLOCK_TIME_AHEAD_MS_MAX: u64 = 2_000;
/// How many transactions back a transaction id may not be repeated.
pub const TRANSACTION_REPEAT_WINDOW: u64 = 1_000_000;
/// Validators of a network.
pub const VALIDATORS_MAX: usize = 40;

// --- state tree and proofs
/// Bits of a tree key.
pub const TREE_DEPTH_MAX: usize = 256;
/// Proof bundle without certificates.
pub const PROOF_BYTES_MAX: usize = 1024 * 1024;
/// Keys of one claim.
pub const PROOF_KEYS_MAX: usize = 1_024;
/// Certified headers of a proof of an earlier height, besides that of the height itself.
pub const PROOF_HEADERS_MAX: usize = 256;
/// Characters of the largest QR code in alphanumeric mode (ISO/IEC 18004, version 40-L).
pub const QR_CHARS_MAX: usize = 4_296;

// --- access register (ledger.md §7)
/// Root keys of one AMS.
pub const ROOT_KEYS_MAX: usize = 15;
/// Largest root quorum.
pub const ROOT_QUORUM_MAX: u64 = 8;
/// Active keys of a party.
pub const ACTIVE_KEYS_MAX: usize = 16;
/// Keys a party may have had in all by its own rotations; its authority or root may go on, so that
/// nobody can use up a party's way back.
pub const PARTY_KEYS_MAX: u64 = 1_024;
/// Scopes of one key or authority.
pub const SCOPES_MAX: usize = 64;
/// Length of a scope.
pub const SCOPE_BYTES_MAX: usize = 64;
/// Services of a party.
pub const SERVICES_MAX: usize = 8;
/// Length of a service endpoint or alias.
pub const SERVICE_BYTES_MAX: usize = 256;
/// Aliases (`alsoKnownAs`) of a party.
pub const ALSO_KNOWN_AS_MAX: usize = 4;
/// Overlap of a key rotation: 30 days.
pub const KEY_OVERLAP_S_MAX: u64 = 2_592_000;
/// Delay of a recovery: 24 h.
pub const RECOVERY_DELAY_MS: u64 = 86_400_000;
/// Delay of a root rotation: 72 h.
pub const ROOT_ROTATION_DELAY_MS: u64 = 259_200_000;
/// Life of a mandate: 366 days.
pub const MANDATE_MS_MAX: u64 = 366 * 86_400_000;
/// Mandates of one principal in force at a time.
pub const OPEN_MANDATES_MAX: usize = 64;
/// Acts and profile or scheme limits of a mandate.
pub const MANDATE_ITEMS_MAX: usize = 32;

// --- electronic transferable records (etr.md §3.4)
/// Members of a joint holder.
pub const ETR_JOINT_MAX: usize = 8;
/// Evidence of one op.
pub const ETR_EVIDENCE_BYTES_MAX: usize = 16 * 1024;
/// Fields of a content.
pub const ETR_FIELDS_MAX: usize = 128;
/// Name of a field.
pub const ETR_FIELD_NAME_BYTES_MAX: usize = 64;
/// Lots of a record.
pub const ETR_LOTS_MAX: usize = 64;
/// Decimals of an amount.
pub const ETR_SCALE_MAX: u64 = 6;
/// Warnings acknowledged by one op.
pub const ETR_ACK_MAX: usize = 16;
/// Records that a proof of a lineage shows, upward and downward each.
pub const ETR_LINEAGE_MAX: usize = 256;
/// Rulebooks, or states, that one proof of rules is about.
pub const ETR_RULES_ITEMS_MAX: usize = 32;
/// Paper serials of one set.
pub const ETR_SERIALS_MAX: usize = 9;
/// Endorsements of a record.
pub const ETR_ENDORSEMENTS_MAX: u64 = 1_024;
/// Shortest time to answer an offer, surrender or presentment.
pub const ETR_ANSWER_S_MIN: u64 = 60;
/// Longest time to answer one: 30 days.
pub const ETR_ANSWER_S_MAX: u64 = 2_592_000;
/// Open standing consents of a party.
pub const ETR_CONSENTS_MAX: usize = 64;
/// Life of a standing consent: 366 days.
pub const ETR_CONSENT_MS_MAX: u64 = 366 * 86_400_000;
/// Profiles or givers that a standing consent names.
pub const ETR_CONSENT_ITEMS_MAX: usize = 64;
/// Staged ops of a record.
pub const ETR_STAGES_MAX: usize = 4;
/// Life of a staged op: 30 days.
pub const ETR_STAGE_MS_MAX: u64 = 30 * 86_400_000;
/// Id of a profile. etr-profiles.md §2 says 24, but one of its own profiles has a name of 27.
pub const ETR_PROFILE_ID_BYTES_MAX: usize = 32;
/// Live pledges of a record.
pub const ETR_PLEDGES_MAX: usize = 8;
/// Guarantees of a record.
pub const ETR_GUARANTEES_MAX: usize = 16;
/// Parts of a split, records of a merge.
pub const ETR_PARTS_MAX: usize = 32;
/// Ops of a bundle.
pub const ETR_BUNDLE_OPS_MAX: usize = 32;
/// Notes of a record.
pub const ETR_NOTES_MAX: u64 = 1_024;
/// Bytes of a content in canonical form.
pub const ETR_CONTENT_BYTES_MAX: usize = 1024 * 1024;
/// Versions of a content; bounds the search for the version of an unchanged field.
pub const ETR_CONTENT_VERSIONS_MAX: u64 = 1_024;
/// Time to cure a default: 366 days.
pub const ETR_CURE_S_MAX: u64 = 366 * 86_400;
/// Attesters of payment named by one op or condition.
pub const ETR_ATTESTERS_MAX: usize = 8;
/// Parties notified of one dishonour.
pub const ETR_NOTIFIED_MAX: usize = 64;
/// What a payment must be settled before the deadline of the offer that it meets: one hour.
pub const ETR_SETTLE_MARGIN_MS: u64 = 3_600_000;
/// Longest freeze: 90 days.
pub const ETR_FREEZE_S_MAX: u64 = 7_776_000;
/// Shortest notice of a court act: 72 h.
pub const ETR_NOTICE_S_MIN: u64 = 259_200;
/// How long a notice that has run may be used: 30 days.
pub const ETR_NOTICE_LIFE_MS: u64 = 30 * 86_400_000;
/// From writing to effect of a court policy: 30 days.
pub const COURT_POLICY_DELAY_MS: u64 = 30 * 86_400_000;
/// From effect of a court policy to its reach over records issued before: 90 days.
pub const COURT_REACH_ALL_DELAY_MS: u64 = 90 * 86_400_000;
/// Keys of a court policy.
pub const COURT_KEYS_MAX: usize = 16;
/// Nesting of a condition tree; a single leaf has depth 1.
pub const ETR_CONDITION_DEPTH_MAX: usize = 4;
/// Leaves of a condition tree.
pub const ETR_CONDITION_LEAVES_MAX: usize = 16;
/// Largest sealed envelope of a record's content, bytes.
pub const ETR_ENVELOPE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Recipients of one envelope.
pub const ETR_ENVELOPE_RECIPIENTS_MAX: usize = 32;
/// Envelopes that a node keeps for one record.
pub const ETR_ENVELOPES_PER_RECORD_MAX: u64 = 1_024;
/// Of these, how many one party may put.
pub const ETR_ENVELOPES_PER_RECORD_AND_PARTY_MAX: u64 = 16;
/// Envelopes that a node keeps of one party.
pub const ETR_ENVELOPES_PER_PARTY_MAX: u64 = 8_192;
/// Bytes of the envelopes that a node keeps of one party, with what is coming.
pub const ETR_ENVELOPES_PARTY_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Envelopes of one party that may be coming at a time.
pub const ETR_ENVELOPES_COMING_MAX: u64 = 4;
/// Bytes of all envelopes that a node keeps, with what is coming.
pub const ETR_ENVELOPES_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Deliveries to other nodes that wait; an envelope for three states is three.
pub const ETR_DELIVERIES_MAX: u64 = 65_536;
/// Of these, those of one party.
pub const ETR_DELIVERIES_PER_PARTY_MAX: u64 = 4_096;
/// How long a delivery is tried, ms: 30 days, the longest that an offer stands.
pub const ETR_DELIVERY_MS_MAX: u64 = 30 * 86_400_000;
/// Bytes of an envelope that travel between nodes at a time; below what delays the mempool's batches.
pub const ETR_DELIVERY_PART_BYTES_MAX: usize = 256 * 1024;
/// Requests of other nodes about envelopes that may wait for the disk.
pub const ETR_DELIVERY_QUEUE_MAX: usize = 64;
/// Requests about envelopes that one node may make of another in a second.
pub const ETR_DELIVERY_REQUESTS_PER_S_MAX: u32 = 64;
/// Bytes of an envelope that travel in one call.
pub const ETR_ENVELOPE_PART_BYTES_MAX: usize = 512 * 1024;

// --- mempool and gossip (node)
/// Waiting transactions.
pub const MEMPOOL_TRANSACTIONS_MAX: usize = 20_000;
/// Waiting bytes.
pub const MEMPOOL_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long a transaction may wait.
pub const MEMPOOL_AGE_MS_MAX: u64 = 120_000;
/// One gossip batch.
pub const GOSSIP_BATCH_BYTES_MAX: usize = 64 * 1024;
/// Peers of the mempool's and of the engine's network.
pub const PEERS_MAX: usize = 64;

// --- consensus engine (node)
/// One proposal part.
pub const PROPOSAL_PART_BYTES_MAX: usize = 128 * 1024;
/// Parts of one proposal.
pub const PROPOSAL_PARTS_MAX: usize = 128;
/// Proposal streams open per peer.
pub const PROPOSAL_STREAMS_PER_PEER_MAX: usize = 4;
/// Heights ahead of ours for which parts are kept.
pub const PROPOSAL_HEIGHT_WINDOW: u64 = 2;
/// Bytes of all incomplete proposals together.
pub const PROPOSAL_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bodies of later heights that wait for their parent to be decided.
pub const PROPOSALS_WAITING_MAX: usize = 8;
/// Blocks of one peer judged per height beyond one for each round: room for clocks and restarts.
pub const PROPOSALS_BEYOND_ROUND_MAX: u32 = 8;
/// One sync response.
pub const SYNC_RESPONSE_BYTES_MAX: usize = 10 * 1024 * 1024;
/// One sync request.
pub const SYNC_REQUEST_BYTES_MAX: usize = 1024;
/// Blocks asked for in one sync request.
pub const SYNC_BLOCKS_MAX: usize = 16;
/// Signatures of one certificate of the engine: up to two votes of each validator.
pub const ENGINE_SIGNATURES_MAX: usize = 2 * VALIDATORS_MAX;
/// Stream id of a proposal.
pub const STREAM_ID_BYTES_MAX: usize = 32;
/// Keys, peer ids and such within engine messages.
pub const ENGINE_FIELD_BYTES_MAX: usize = 64;
/// Heights ahead for which the engine keeps votes, and messages kept for each.
pub const ENGINE_QUEUE_HEIGHTS_MAX: usize = 10;
/// Messages kept for each later height.
pub const ENGINE_QUEUE_MESSAGES_MAX: usize = 2_000;
/// Requests waiting for the engine.
pub const ENGINE_REQUESTS_MAX: usize = 64;
/// Evidence kept of one height.
pub const ENGINE_EVIDENCE_MAX: usize = 64;

// --- RPC (node)
/// Body of a request.
pub const RPC_BODY_BYTES_MAX: usize = 1024 * 1024;
/// Calls of a batch.
pub const RPC_BATCH_MAX: usize = 100;
/// Connections in all.
pub const RPC_CONNECTIONS_MAX: usize = 1_024;
/// Integrators of a node.
pub const INTEGRATORS_MAX: usize = 64;
/// Connections per address.
pub const RPC_CONNECTIONS_PER_ADDRESS_MAX: usize = 100;
/// Events waiting for a subscriber.
pub const SUBSCRIPTION_QUEUE_MAX: usize = 1_000;
/// Transactions of one `ledger_submitBatch`.
pub const SUBMIT_BATCH_MAX: usize = 500;
/// How long `ledger_submit` waits for the receipt.
pub const SUBMIT_WAIT_MS: u64 = 30_000;
/// Items of a page.
pub const PAGE_ITEMS_MAX: usize = 200;
/// Items of a page of the UBIN feed.
pub const FEED_ITEMS_MAX: usize = 1_000;
/// Bytes after which a page of the UBIN feed ends early.
pub const FEED_PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Events after which a page of the UBIN feed ends early, at the end of a height, whether they pass
/// its filter or not.
pub const FEED_EVENTS_MAX: usize = 20_000;
/// UBINs of a watch list of the feed.
pub const FEED_WATCH_MAX: usize = 1_000;
/// States, schemes, acts or statuses of a filter of the feed.
pub const FEED_FILTER_ITEMS_MAX: usize = 64;

// --- snapshots (node)
/// Smallest interval between snapshots, heights.
pub const SNAPSHOT_INTERVAL_MIN: u64 = 10;
/// Snapshots kept.
pub const SNAPSHOTS_MAX: usize = 100;
/// Backups kept.
pub const BACKUPS_MAX: usize = 1_000;
/// How long a backup holds what can be erased: credentials in custody, the keys of their subjects,
/// sealed contents, ms (vc-api.md A§9).
pub const BACKUP_ERASABLE_MS_MAX: u64 = 30 * crate::time::DAY_MS;
/// One value of a snapshot file: a state value, a body or a position with its key.
pub const SNAPSHOT_ITEM_BYTES_MAX: usize = 16 * 1024 * 1024;

// --- UBIN register (ubin.md)
/// Input of the UBIN reader.
pub const UBIN_INPUT_BYTES_MAX: usize = 128;
/// Characters of a canonical national number.
pub const UBIN_LOCAL_CHARS_MAX: usize = 24;
/// Body of a record.
pub const UBIN_BODY_BYTES_MAX: usize = 8 * 1024;
/// Code points of a name.
pub const NAME_CHARS_MAX: usize = 256;
/// Bytes of a name.
pub const NAME_BYTES_MAX: usize = 1_024;
/// Digits in a row, spaces and hyphens aside, from which a text looks like personal data.
pub const TEXT_DIGIT_RUN_MAX: usize = 9;
/// Names beside the legal name.
pub const OTHER_NAMES_MAX: usize = 16;
/// Characters of the register's own spelling of a number.
pub const DISPLAY_ID_CHARS_MAX: usize = 40;
/// Characters of a national text: legal form.
pub const LEGAL_FORM_CHARS_MAX: usize = 80;
/// Characters of a national code: status.
pub const NATIONAL_CODE_CHARS_MAX: usize = 80;
/// Lines of an address.
pub const ADDRESS_LINES_MAX: usize = 3;
/// Characters of an address line or city.
pub const ADDRESS_LINE_CHARS_MAX: usize = 120;
/// Characters of a postal code.
pub const POSTAL_CODE_CHARS_MAX: usize = 16;
/// Activities of a record.
pub const ACTIVITIES_MAX: usize = 8;
/// Identifiers of other systems of a record.
pub const IDENTIFIERS_MAX: usize = 16;
/// Relations of a record.
pub const RELATIONS_MAX: usize = 64;
/// Foreign DIDs of a record.
pub const CONTROLLERS_MAX: usize = 4;
/// Length of a foreign DID.
pub const CONTROLLER_DID_BYTES_MAX: usize = 256;
/// Pieces of evidence of a version.
pub const UBIN_EVIDENCE_MAX: usize = 8;
/// Fields that an op may pass in spite of the scan for personal data.
pub const TEXT_OVERRIDES_MAX: usize = 16;
/// Aliases of a record.
pub const ALIASES_MAX: usize = 16;
/// Aliases of a record together with its former numbers: renumbering adds one.
pub const ALIASES_WITH_FORMER_NUMBERS_MAX: usize = 64;
/// Spells of a record that ended and are told apart: times in which the business may not act.
pub const CAPACITY_SPELLS_MAX: usize = 32;
/// Successions that a walk from a number to the record that goes on follows.
pub const SUCCESSIONS_MAX: usize = 8;
/// Code points of the key of a query for a name, fewest.
pub const QUERY_CHARS_MIN: usize = 2;
/// Code points of the key of a query for a name, most.
pub const QUERY_CHARS_MAX: usize = 128;
/// Bytes of a query for a name, as it is typed.
pub const QUERY_BYTES_MAX: usize = 2_048;
/// Grams of a query that candidates are found by: the rarest.
pub const SEARCH_GRAMS_MAX: usize = 12;
/// Records whose names are compared with a query.
pub const SEARCH_CANDIDATES_MAX: usize = 50;
/// Hits of an answer; as many as are compared.
pub const SEARCH_HITS_MAX: usize = 50;
/// Values of one member of a filter.
pub const SEARCH_FILTER_MAX: usize = 64;
/// Records that one merger absorbs.
pub const MERGER_ABSORBED_MAX: usize = 16;
/// Life of a consent to a move across a border, shortest: 1 day.
pub const CONSENT_OUT_MS_MIN: u64 = 86_400_000;
/// Life of a consent to a move across a border, longest: 180 days.
pub const CONSENT_OUT_MS_MAX: u64 = 180 * 86_400_000;
/// Open challenges of one challenger against one record.
pub const CHALLENGES_PER_CHALLENGER_MAX: usize = 3;
/// Open challenges against one business.
pub const CHALLENGES_MAX: usize = 50;
/// Days to acknowledge and to decide a challenge.
pub const CHALLENGE_DAYS: (u64, u64) = (5, 30);
/// Days to acknowledge and to decide a challenge about personal data.
pub const CHALLENGE_PERSONAL_DATA_DAYS: (u64, u64) = (1, 3);
/// Records that name a record, in the answer about it; further ones are asked for by page.
pub const RECORD_LINKS_SHOWN_MAX: usize = 32;
/// Fields that a challenge names.
pub const CHALLENGE_FIELDS_MAX: usize = 8;
/// Length of the pointer of such a field.
pub const CHALLENGE_FIELD_BYTES_MAX: usize = 64;
/// Pieces of evidence of a challenge.
pub const CHALLENGE_EVIDENCE_MAX: usize = 4;
/// Smallest count that a published cell may show, zero aside; governance may raise it.
pub const SMALL_CELL_FLOOR: u64 = 5;
/// To what governance may raise it.
pub const SMALL_CELL_MAX: u64 = 100;
/// Rows of an attested table.
pub const ATTESTED_ROWS_MAX: usize = 64;
/// Time-lock of a change of a scheme: 14 days.
pub const SCHEME_TIME_LOCK_MS: u64 = 14 * 86_400_000;
/// Versions of a scheme that wait for their time.
pub const SCHEME_VERSIONS_WAITING_MAX: usize = 4;
/// Examples of each kind of a scheme, fewest.
pub const SCHEME_EXAMPLES_MIN: usize = 5;
/// Examples of each kind of a scheme, most.
pub const SCHEME_EXAMPLES_MAX: usize = 64;
/// Patterns of natural persons' numbers of a scheme.
pub const SCHEME_DENY_MAX: usize = 32;
/// Normalisation steps of a scheme.
pub const SCHEME_STEPS_MAX: usize = 8;
/// National status codes of a scheme.
pub const SCHEME_STATUS_MAP_MAX: usize = 512;
/// Entity types of a scheme.
pub const SCHEME_TYPES_MAX: usize = 256;
/// Largest age at which a record shows STALE.
pub const SCHEME_REFRESH_DAYS_MAX: u64 = 3_660;
/// Records kept per identifier of another system in the index of possible duplicates.
pub const REFERENCE_HOLDERS_MAX: usize = 32;
/// Possible duplicates that one receipt names.
pub const POSSIBLE_DUPLICATES_MAX: usize = 10;
/// Records of one chunk of an import.
pub const IMPORT_CHUNK_RECORDS_MAX: usize = 10_000;
/// Digests of the path of a part: two on each level of the tree of the largest chunk.
pub const IMPORT_PATH_DIGESTS_MAX: usize = 28;

// --- proposals (ledger.md §8)
/// Proposals open at a time.
pub const PROPOSALS_OPEN_MAX: usize = 64;
/// Open proposals of one state.
pub const PROPOSALS_PER_AUTHOR_MAX: usize = 4;
/// Canonical JSON of a proposal's body: a resource of 40 KiB in base64url, and its frame.
pub const PROPOSAL_BODY_BYTES_MAX: usize = 60 * 1024;
/// Shortest consultation unless the genesis says otherwise, in seconds: 24 hours.
pub const CONSULTATION_S_MIN: u64 = 86_400;
/// Longest consultation, in seconds: 90 days.
pub const CONSULTATION_S_MAX: u64 = 90 * 86_400;
/// Shortest time to vote, in seconds.
pub const VOTING_S_MIN: u64 = 60;
/// Longest time to vote, in seconds: 30 days.
pub const VOTING_S_MAX: u64 = 30 * 86_400;

// --- recognition between states (vc.md §5.6)
/// Entries one state may ever have declared.
pub const RECOGNITIONS_PER_STATE_MAX: usize = 1_024;
/// Types, schemes or issuer classes of one entry.
pub const RECOGNITION_ITEMS_MAX: usize = 64;
/// Title or reference of an agreement.
pub const RECOGNITION_TEXT_BYTES_MAX: usize = 256;

// --- credential register (vc.md §5)
/// Accreditations one party may ever have had.
pub const ACCREDITATIONS_PER_PARTY_MAX: u64 = 256;
/// Types of one accreditation.
pub const ACCREDITATION_TYPES_MAX: usize = 64;
/// Largest depth of an accreditation.
pub const ACCREDITATION_DEPTH_MAX: u64 = 3;
/// Bytes of a published resource.
pub const RESOURCE_BYTES_MAX: usize = 40 * 1024;
/// Schemas, and contexts, of one credential type.
pub const TYPE_RESOURCES_MAX: usize = 8;
/// Longest validity of a credential: 12 years.
pub const VALIDITY_DAYS_MAX: u64 = 4_383;
/// Entries of a status list, smallest.
pub const LIST_ENTRIES_MIN: u64 = 131_072;
/// Entries of a status list, largest.
pub const LIST_ENTRIES_MAX: u64 = 1_048_576;
/// Types of one status list.
pub const LIST_TYPES_MAX: usize = 8;
/// How far ahead a list may serve: 12 years.
pub const LIST_AHEAD_MS_MAX: u64 = 4_383 * 86_400_000;
/// Changes of one `list_set`.
pub const LIST_CHANGES_MAX: usize = 2_500;
/// Length of a list's https alias.
pub const LIST_URI_BYTES_MAX: usize = 256;
/// Combinators of a schema (`allOf`, `anyOf`, `oneOf`, `not`, `if`).
pub const SCHEMA_COMBINATORS_MAX: usize = 64;
/// Nesting of a schema's objects and lists.
pub const SCHEMA_NESTING_MAX: usize = 8;
/// Leaves of an anchor, base-2 logarithm: smallest and largest.
pub const ANCHOR_SIZE_LOG2: (u64, u64) = (6, 20);

// --- verifying credentials (node; vc-api.md A§4, A§5)
/// Items of one `vc_verifyBatch`.
pub const VERIFY_BATCH_MAX: usize = 1_000;
/// Body of a `vc_verifyBatch`.
pub const VERIFY_BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bodies larger than [`RPC_BODY_BYTES_MAX`] that are read at a time.
pub const VERIFY_BATCHES_AT_A_TIME: usize = 4;
/// Anchor receipts of one request.
pub const RECEIPTS_MAX: usize = 32;
/// Signed status lists that come with one request; each may unpack to 8 MiB.
pub const SUPPLIED_LISTS_MAX: usize = 8;
/// Related resources and schemas that come with one request.
pub const SUPPLIED_RESOURCES_MAX: usize = 32;
/// Bytes of the lists and resources of one request in all.
pub const SUPPLIED_BYTES_MAX: usize = 1024 * 1024;
/// Length of the URL of such a list or resource.
pub const SUPPLIED_URL_BYTES_MAX: usize = 1_024;
/// Largest clock skew that a request may ask for.
pub const SKEW_MS_MAX: i64 = 300_000;
/// Files of one `titian verify`.
pub const VERIFY_FILES_MAX: usize = 1_000;
/// Life of a challenge.
pub const CHALLENGE_MS: u64 = 300_000;
/// Challenges that a node remembers, used ones until their end.
pub const CHALLENGES_WAITING_MAX: usize = 65_536;
/// Domain or audience of a challenge.
pub const CHALLENGE_DOMAIN_BYTES_MAX: usize = 256;
/// Issuers, types or states of the scope of a trust bundle.
pub const BUNDLE_SCOPE_MAX: usize = 1_024;
/// Objects of a trust bundle.
pub const BUNDLE_OBJECTS_MAX: usize = 100_000;
/// Trust bundles made at a time.
pub const BUNDLES_AT_A_TIME: usize = 2;
/// Instances of the verifier of a node.
pub const VERIFIERS_MAX: usize = 32;

// --- issuing credentials (node; vc-api.md A§4, A§9)
/// Issuer instances of a node.
pub const ISSUERS_MAX: usize = 32;
/// Credential types, and status lists, of one instance.
pub const ISSUER_ITEMS_MAX: usize = 64;
/// Forms of one call.
pub const ISSUE_FORMS_MAX: usize = 4;
/// Copies of a batch of SD-JWT VC.
pub const ISSUE_COPIES_MAX: usize = 50;
/// Issuers that one token lists.
pub const TOKEN_ISSUERS_MAX: usize = 32;
/// Length of a credential's id.
pub const CREDENTIAL_ID_BYTES_MAX: usize = 1_024;
/// Credentials that may wait for an anchor; further ones are refused as `BUSY`.
pub const ANCHORS_WAITING_MAX: usize = 65_536;
/// Leaves at which a node submits an anchor, and which one anchor holds at most.
pub const ANCHOR_FLUSH_LEAVES: usize = 1_024;
/// Age of the oldest waiting leaf at which a node submits an anchor.
pub const ANCHOR_FLUSH_MS: u64 = 60_000;
/// Status lists that one instance keeps on the node.
pub const LOCAL_LISTS_MAX: u64 = 64;
/// Signed status lists that a node remembers.
pub const SIGNED_LISTS_CACHED_MAX: usize = 256;
