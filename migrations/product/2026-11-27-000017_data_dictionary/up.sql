-- What the platform before Averis knew of every product and no field of a product holds, as definitions that a tenant may
-- change and take away like its own. Where a tenant has defined such a code already, its own definition stays.
INSERT INTO attribute_definitions
    (id, code, label, type, facetable, constraints, section, localizable, created_at, updated_at)
SELECT gen_random_uuid(), code, label, type, facetable, constraints::jsonb, section, localizable, at, at
FROM (VALUES
    ('long_description', 'Long description', 'text', false, '{"max_length": 10000}', 'marketing', true, 1),
    ('web_display_flag', 'Shown on the web', 'boolean', true, '{}', 'marketing', false, 2),
    ('license_required_flag', 'Needs a licence', 'boolean', true, '{}', 'legal', false, 3),
    ('ava_tax_code', 'Tax code of Avalara', 'text', false, '{"max_length": 50}', 'legal', false, 4),
    ('base_price', 'Base price', 'number', false, '{}', 'finance', false, 5),
    ('cost_price', 'Cost price', 'number', false, '{}', 'finance', false, 6),
    ('seat_based_pricing_flag', 'Priced by seat', 'boolean', false, '{}', 'finance', false, 7),
    ('available_flag', 'Available', 'boolean', true, '{}', 'salesops', false, 8),
    ('can_be_fulfilled_flag', 'Can be fulfilled', 'boolean', false, '{}', 'salesops', false, 9),
    ('manufacturer', 'Manufacturer', 'text', true, '{"max_length": 200}', 'salesops', false, 10),
    ('contract_item_flag', 'Comes with a contract', 'boolean', true, '{}', 'contracts', false, 11)
) AS entry (code, label, type, facetable, constraints, section, localizable, number)
-- Lists are by age: each a little older than the next, in the order of the sections.
CROSS JOIN LATERAL (SELECT now() + number * interval '1 microsecond' AS at) AS age
ON CONFLICT (code) DO NOTHING;
