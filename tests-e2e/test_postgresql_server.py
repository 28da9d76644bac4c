"""The PostgreSQL servers of the tests: one for all, one for a test that stops it."""

from collections.abc import Callable

import psycopg
import pytest
from postgresql_server import Container, Database


def test_each_database_is_empty_and_has_an_owner_of_its_own(new_database: Callable[[], Database]) -> None:
    one, other = new_database(), new_database()
    assert one.password not in one.url()
    with one.connect() as connection:
        connection.execute("CREATE TABLE mine (a int)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE DATABASE another")
    with other.connect() as connection, pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("SELECT * FROM mine")


def test_a_server_of_ones_own_keeps_its_data_and_its_port_when_it_is_started_again(
    own_postgresql: Container,
) -> None:
    database = own_postgresql.server.new_database()
    with database.connect() as connection:
        connection.execute("CREATE TABLE mine (a int)")
        for end in (own_postgresql.stop, own_postgresql.kill):
            end()
            with pytest.raises(psycopg.OperationalError):
                database.connect()
            own_postgresql.start()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT * FROM mine")
    with database.connect() as connection:
        assert connection.execute("SELECT * FROM mine").fetchall() == []
