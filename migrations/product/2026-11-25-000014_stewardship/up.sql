-- Who looks after a value, and whether it differs by language and channel.
ALTER TABLE attribute_definitions
    ADD COLUMN section text NOT NULL DEFAULT 'marketing'
        CHECK (section IN ('marketing', 'legal', 'finance', 'salesops', 'contracts')),
    ADD COLUMN localizable boolean NOT NULL DEFAULT false,
    ADD COLUMN scopable boolean NOT NULL DEFAULT false;

ALTER TABLE products
    -- Where each section is: open, submitted or approved, by whom, and for which content. A section that is not there is
    -- open and was never edited. In the product's row, so that an edit and what it undoes are one write.
    ADD COLUMN sections jsonb NOT NULL DEFAULT '{}',
    -- Raised with each change of content; what was launched is the revision of that number.
    ADD COLUMN working_rev bigint NOT NULL DEFAULT 1 CHECK (working_rev >= 1),
    ADD COLUMN launched_rev bigint CHECK (launched_rev BETWEEN 1 AND working_rev);

-- Who asked for an import has edited what it changes.
ALTER TABLE imports ADD COLUMN created_by uuid;
