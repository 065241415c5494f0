-- A setting belongs to a service.
CREATE TABLE setting (
    service bigint NOT NULL REFERENCES service (id) ON DELETE CASCADE,
    name text NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (service, name)
);

INSERT INTO service (name) VALUES ('default');
