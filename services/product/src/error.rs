//! What can go wrong in this service, and what the caller is told.

use averis_service_kit::problem::{FieldProblem, Problem};
use averis_tenant_db::{DbError, Failure, failure};

use crate::domain::sections::{Section, SectionStatus};

/// The problems of this service alone.
pub mod codes {
    use averis_service_kit::problem::Code;

    /// Another product has the key.
    pub const KEY_TAKEN: Code = Code::new(409, "key_taken", "The key is taken");
    /// Another variant has the SKU.
    pub const SKU_TAKEN: Code = Code::new(409, "sku_taken", "The SKU is taken");
    /// Another variant of the product has these option values.
    pub const OPTIONS_TAKEN: Code = Code::new(
        409,
        "options_taken",
        "A variant with these option values exists",
    );
    /// The product has this picture.
    pub const MEDIA_EXISTS: Code =
        Code::new(409, "media_exists", "The product has this media already");
    /// Another category or attribute has the code.
    pub const CODE_TAKEN: Code = Code::new(409, "code_taken", "The code is taken");
    /// The category would be its own ancestor.
    pub const CATEGORY_CYCLE: Code =
        Code::new(409, "category_cycle", "A category cannot be inside itself");
    /// Categories or products stand in the category.
    pub const CATEGORY_IN_USE: Code = Code::new(409, "category_in_use", "The category is in use");
    /// A category that the request names does not exist.
    pub const UNKNOWN_CATEGORY: Code =
        Code::new(422, "unknown_category", "A named category does not exist");
    /// Nobody approves what it has edited itself.
    pub const FOUR_EYES: Code = Code::new(
        409,
        "four_eyes",
        "Who has edited a section last does not approve it",
    );
    /// A section is in no state for this.
    pub const SECTION_STATE: Code =
        Code::new(409, "section_state", "The section is in no state for this");
    /// A launch needs five sections that are approved as they are.
    pub const APPROVAL_STALE: Code = Code::new(
        409,
        "approval_stale",
        "Not every section is approved as it is",
    );
    /// What is to be launched was launched already.
    pub const NOTHING_TO_LAUNCH: Code = Code::new(
        409,
        "nothing_to_launch",
        "The product's content is launched already",
    );
    /// Values of the definition stand where it is.
    pub const ATTRIBUTE_IN_USE: Code = Code::new(
        409,
        "attribute_in_use",
        "Products have values of the attribute",
    );
    /// What customers may know already cannot be taken back.
    pub const PRODUCT_LAUNCHED: Code =
        Code::new(409, "product_launched", "The product was launched already");
    /// Archived products do not change.
    pub const PRODUCT_ARCHIVED: Code =
        Code::new(409, "product_archived", "The product is archived");
    /// Nothing could be sold.
    pub const NO_VARIANTS: Code = Code::new(409, "no_variants", "The product has no variant");
    /// The product's variants have values for the options as they are.
    pub const OPTIONS_IN_USE: Code = Code::new(
        409,
        "options_in_use",
        "The product's variants use its options",
    );
    /// The file is larger than allowed.
    pub const FILE_TOO_LARGE: Code = Code::new(413, "file_too_large", "The file is too large");
    /// The tenant's plan has no imports.
    pub const IMPORT_NOT_ALLOWED: Code =
        Code::new(403, "import_not_allowed", "The tenant has no bulk import");

    /// All of them.
    pub const ALL: &[Code] = &[
        KEY_TAKEN,
        SKU_TAKEN,
        OPTIONS_TAKEN,
        MEDIA_EXISTS,
        CODE_TAKEN,
        CATEGORY_CYCLE,
        CATEGORY_IN_USE,
        UNKNOWN_CATEGORY,
        FOUR_EYES,
        SECTION_STATE,
        APPROVAL_STALE,
        NOTHING_TO_LAUNCH,
        ATTRIBUTE_IN_USE,
        PRODUCT_LAUNCHED,
        PRODUCT_ARCHIVED,
        NO_VARIANTS,
        OPTIONS_IN_USE,
        FILE_TOO_LARGE,
        IMPORT_NOT_ALLOWED,
    ];
}

/// A failure of this service.
#[derive(Debug, thiserror::Error)]
pub enum ProductError {
    #[error("the key is taken")]
    KeyTaken,
    #[error("the SKU is taken")]
    SkuTaken,
    #[error("the option values are taken")]
    OptionsTaken,
    #[error("the media exists")]
    MediaExists,
    #[error("the code is taken")]
    CodeTaken,
    #[error("the category would be inside itself")]
    CategoryCycle,
    #[error("the category is in use")]
    CategoryInUse,
    #[error("a named category does not exist")]
    UnknownCategory,
    #[error("the product was launched")]
    Launched,
    #[error("the product is archived")]
    Archived,
    #[error("the product has no variant")]
    NoVariants,
    #[error("the product's variants use its options")]
    OptionsInUse,
    #[error("a product that is {from} cannot {command}")]
    Transition {
        from: &'static str,
        allowed: &'static [&'static str],
        command: &'static str,
    },
    #[error("the approver has edited the section last")]
    FourEyes(Section),
    #[error("a section that is {from:?} is not for {command}")]
    SectionTransition {
        section: Section,
        from: SectionStatus,
        command: &'static str,
    },
    #[error("not every section is approved as it is")]
    ApprovalStale(Vec<Section>),
    #[error("the content is launched already")]
    NothingToLaunch,
    #[error("products have values of the attribute")]
    AttributeInUse,
    #[error("the tenant may have {0} products")]
    LimitReached(u32),
    /// Another process runs the job now.
    #[error("the job was taken by another process")]
    JobTaken,
    #[error("values are not acceptable")]
    Invalid(Vec<FieldProblem>),
    #[error(transparent)]
    Problem(#[from] Problem),
    #[error(transparent)]
    Db(DbError),
}

impl From<FieldProblem> for ProductError {
    fn from(problem: FieldProblem) -> Self {
        Self::Invalid(vec![problem])
    }
}

impl From<DbError> for ProductError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Query(query) => query.into(),
            other => Self::Db(other),
        }
    }
}

/// What this service has written as JSON, or another service has sent as an event, cannot be read. What callers send is checked
/// before.
impl From<serde_json::Error> for ProductError {
    fn from(error: serde_json::Error) -> Self {
        Self::Db(DbError::Query(diesel::result::Error::DeserializationError(
            Box::new(error),
        )))
    }
}

impl From<diesel::result::Error> for ProductError {
    fn from(error: diesel::result::Error) -> Self {
        let named = match failure(&error) {
            Failure::Duplicate(name) | Failure::Reference(name) => name,
            _ => return Self::Db(DbError::Query(error)),
        };
        match named.as_str() {
            "products_key_unique" => Self::KeyTaken,
            "variants_sku_unique" => Self::SkuTaken,
            "variants_options_unique" => Self::OptionsTaken,
            "media_url_unique" => Self::MediaExists,
            "categories_code_unique" | "attribute_definitions_code_unique" => Self::CodeTaken,
            "categories_parent" => Self::CategoryInUse,
            _ => Self::Db(DbError::Query(error)),
        }
    }
}

impl From<ProductError> for Problem {
    fn from(error: ProductError) -> Self {
        use averis_service_kit::problem::codes as common;
        match error {
            ProductError::KeyTaken => Self::new(codes::KEY_TAKEN),
            ProductError::SkuTaken => Self::new(codes::SKU_TAKEN),
            ProductError::OptionsTaken => Self::new(codes::OPTIONS_TAKEN),
            ProductError::MediaExists => Self::new(codes::MEDIA_EXISTS),
            ProductError::CodeTaken => Self::new(codes::CODE_TAKEN),
            ProductError::CategoryCycle => Self::new(codes::CATEGORY_CYCLE),
            ProductError::CategoryInUse => Self::new(codes::CATEGORY_IN_USE),
            ProductError::UnknownCategory => Self::new(codes::UNKNOWN_CATEGORY),
            ProductError::Launched => Self::new(codes::PRODUCT_LAUNCHED),
            ProductError::Archived => Self::new(codes::PRODUCT_ARCHIVED),
            ProductError::NoVariants => Self::new(codes::NO_VARIANTS),
            ProductError::OptionsInUse => Self::new(codes::OPTIONS_IN_USE),
            ProductError::Transition {
                from,
                allowed,
                command,
            } => Self::new(common::INVALID_TRANSITION)
                .detail(format!(
                    "There is no {command} for a product that is {from}."
                ))
                .with("current_status", from)
                .with("allowed", allowed),
            ProductError::FourEyes(section) => {
                Self::new(codes::FOUR_EYES).with("section", section.as_str())
            }
            ProductError::SectionTransition {
                section,
                from,
                command,
            } => Self::new(codes::SECTION_STATE)
                .detail(format!(
                    "There is no {command} for a section that is {}.",
                    from.as_str()
                ))
                .with("section", section.as_str())
                .with("current_status", from.as_str()),
            ProductError::ApprovalStale(sections) => {
                let names: Vec<&str> = sections.iter().map(|one| one.as_str()).collect();
                Self::new(codes::APPROVAL_STALE).with("sections", names)
            }
            ProductError::NothingToLaunch => Self::new(codes::NOTHING_TO_LAUNCH),
            ProductError::AttributeInUse => Self::new(codes::ATTRIBUTE_IN_USE),
            ProductError::LimitReached(max) => Self::new(common::LIMIT_REACHED)
                .detail(format!(
                    "The tenant may have {max} products that are not archived."
                ))
                .with("limit", "max_products")
                .with("maximum", max),
            error @ ProductError::JobTaken => Self::new(common::INTERNAL).because(error),
            ProductError::Invalid(errors) => Self::invalid(errors),
            ProductError::Problem(problem) => problem,
            ProductError::Db(error) => error.into(),
        }
    }
}
