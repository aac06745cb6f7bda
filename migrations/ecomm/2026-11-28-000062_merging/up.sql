-- Whose a cart is, once somebody has signed in with it, and what became of it when it was put into another.
ALTER TABLE carts
    ADD COLUMN customer_id uuid,
    ADD COLUMN merged_into uuid CONSTRAINT carts_merged_into REFERENCES carts (id),
    DROP CONSTRAINT carts_state_check,
    ADD CONSTRAINT carts_state_check CHECK (state IN ('active', 'locked', 'ordered', 'merged')),
    ADD CONSTRAINT carts_merged CHECK ((merged_into IS NOT NULL) = (state = 'merged'));
CREATE INDEX carts_customer_id ON carts (customer_id, id) WHERE state = 'active';
CREATE INDEX carts_merged_into ON carts (merged_into) WHERE merged_into IS NOT NULL;
