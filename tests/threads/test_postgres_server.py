"""The server that the tests use gives each test a database of its own."""

from __future__ import annotations

import psycopg


def test_a_database_is_empty(postgres_url):
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute(
            "select count(*) from pg_tables where schemaname = 'public'"
        ).fetchone()
    assert found == (0,)


def test_two_databases_are_two(postgres_server, postgres_url):
    name = postgres_server.create_database()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("create table here (id int)")
    with psycopg.connect(postgres_server.url(name)) as connection:
        assert connection.execute("select to_regclass('here')").fetchone() == (None,)
    postgres_server.drop_database(name)
