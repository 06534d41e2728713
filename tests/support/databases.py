"""Databases for tests, copied from one template, and swept rather than dropped: both a copy and a drop take some 0.2 s."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import structlog
from sqlalchemy.engine import make_url

from storage.database import Connection, SessionLimits

log = structlog.get_logger(__name__)

PATIENCE = 60.0
# A worker that stands still is cut off soon, for others wait; a test that does, on a busy machine, holds up nobody.
PATIENT = SessionLimits(lock=120.0, transaction=240.0, idle_in_transaction=240.0, connect=PATIENCE, command=240.0)

# Takes away what the template has not: tables, rows, and how far sequences have counted.
SWEEP = """
do $$
declare
    found record;
    filled text;
begin
    for found in select tablename from pg_tables where schemaname = 'public' and tablename <> all (array[{tables}]) loop
        execute format('drop table public.%I cascade', found.tablename);
    end loop;
    select string_agg(oid::regclass::text, ', ') into filled from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and relname <> 'alembic_version'
    and (pg_relation_size(oid) > 0 or reltuples >= 0);
    if filled is not null then
        execute 'truncate ' || filled || ' restart identity cascade';
    end if;
    for found in select sequencename from pg_sequences where schemaname = 'public' and last_value is not null loop
        execute format('alter sequence public.%I restart', found.sequencename);
    end loop;
end $$
"""

# What else a test may have changed, or the server found out about its rows: a database that differs is dropped.
FINGERPRINT = """
select md5(string_agg(line, chr(10) order by line)) from (
    select concat_ws('|', relname, relkind, relpersistence, relowner, relacl, reloptions, relrowsecurity, relforcerowsecurity)
    from pg_class where relnamespace = 'public'::regnamespace
    union all
    select concat_ws('|', relname, pg_get_viewdef(oid)) from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('v', 'm')
    union all
    select concat_ws('|', attrelid::regclass, attname, atttypid, atttypmod, attnotnull, attacl, attoptions, attstattarget,
                     (select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = attrelid and adnum = attnum))
    from pg_attribute join pg_class on pg_class.oid = attrelid where relnamespace = 'public'::regnamespace and attnum > 0
    union all
    select concat_ws('|', conrelid::regclass, conname, convalidated, pg_get_constraintdef(oid)) from pg_constraint
    where connamespace = 'public'::regnamespace
    union all
    select concat_ws('|', indrelid::regclass, indisvalid, pg_get_indexdef(indexrelid)) from pg_index
    join pg_class on pg_class.oid = indrelid where relnamespace = 'public'::regnamespace
    union all
    select concat_ws('|', tgenabled, pg_get_triggerdef(oid)) from pg_trigger where not tgisinternal
    union all
    select concat_ws('|', polrelid::regclass, polname, polcmd, polpermissive, polroles, pg_get_expr(polqual, polrelid),
                     pg_get_expr(polwithcheck, polrelid))
    from pg_policy
    union all
    select concat_ws('|', proname, pg_get_function_identity_arguments(oid), proacl, proconfig, prosecdef, md5(prosrc))
    from pg_proc where pronamespace = 'public'::regnamespace
    union all
    select concat_ws('|', typname, typtype, typacl) from pg_type where typnamespace = 'public'::regnamespace
    union all
    select concat_ws('|', seqrelid::regclass, seqstart, seqincrement, seqmax, seqmin, seqcache, seqcycle) from pg_sequence
    union all
    select concat_ws('|', ev_class::regclass, rulename, ev_enabled) from pg_rewrite where ev_class >= 16384
    union all
    select concat_ws('|', stxname, stxkeys) from pg_statistic_ext
    union all
    select concat_ws('|', defaclrole, defaclobjtype, defaclacl) from pg_default_acl
    union all
    select concat_ws('|', tablename, attname) from pg_stats where schemaname = 'public'
    union all
    select concat_ws('|', datconnlimit, datallowconn, datacl) from pg_database where datname = current_database()
    union all
    select concat_ws('|', nspname, nspacl) from pg_namespace where nspname !~ '^pg_'
    union all
    select concat_ws('|', extname, extversion) from pg_extension
    union all
    select concat_ws('|', setrole, setconfig) from pg_db_role_setting
    where setdatabase = (select oid from pg_database where datname = current_database())
    union all
    select version_num from alembic_version
) as lines (line)
"""

TABLES = """
select relname, pg_relation_size(oid) > 0 as filled from pg_class
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by 1
"""

# But the server's own, which make way by themselves.
OTHERS = "select pg_terminate_backend(pid, 60000) from pg_stat_activity where datname = $1 and usesysid is not null"

# Whether somebody waits for a lock that this session holds. Not of pg_stat_activity, which stays the same in a transaction.
WAITED_FOR = "select exists (select from pg_locks where not granted and pg_backend_pid() = any (pg_blocking_pids(pid)))"


class Databases:
    """Copies of a template in one server. Each is one test's at a time, under a name that no test before had for it."""

    def __init__(self, server: str, template: str) -> None:
        self.server, self.template = server, template
        self._free: list[str] = []
        self._tables: list[str] = []
        self._fingerprint = ""

    @property
    def free(self) -> int:
        """How many are swept and nobody's."""
        return len(self._free)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[str]:
        """The address of a database that is as the template is."""
        name = self._free.pop() if self._free else await create(self.server, self.template)
        try:
            yield at_database(self.server, name)
        finally:
            await self._take_back(name)

    async def _take_back(self, name: str) -> None:
        """Gives the database another name, so that nobody finds it any more, and sweeps it; drops what is not as it was."""
        new = new_name()
        try:
            await self._rename(name, new)
            name = new
            if await self._swept(name):
                self._free.append(name)
                return
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            log.warning("not_swept", database=name, error=repr(error))
        await drop(self.server, name)

    async def _rename(self, name: str, new: str) -> None:
        connection = await asyncpg.connect(self.server, timeout=PATIENCE, command_timeout=2 * PATIENCE)
        try:
            await connection.fetch(OTHERS, name)
            await connection.execute(f"alter database {name} rename to {new}")
        finally:
            await connection.close()

    async def _swept(self, name: str) -> bool:
        if not self._fingerprint:
            await self._look_at_template()
        connection = await asyncpg.connect(at_database(self.server, name), timeout=PATIENCE, command_timeout=PATIENCE)
        try:
            tables = ", ".join(f"'{table}'" for table in self._tables)
            await connection.execute(SWEEP.format(tables=tables))
            return bool(await connection.fetchval(FINGERPRINT) == self._fingerprint)
        finally:
            await connection.close()

    async def _look_at_template(self) -> None:
        connection = await asyncpg.connect(at_database(self.server, self.template))
        try:
            rows = await connection.fetch(TABLES)
            filled = [row["relname"] for row in rows if row["filled"]]
            assert filled == ["alembic_version"], f"no sweep would leave what the template has in {filled}"
            self._tables = [row["relname"] for row in rows]
            self._fingerprint = await connection.fetchval(FINGERPRINT)
        finally:
            await connection.close()


def new_name() -> str:
    """Of a database that nobody knows yet."""
    return f"t_{uuid4().hex}"


async def create(server: str, template: str) -> str:
    """The name of a new copy of the template, to which nobody may be connected."""
    name = new_name()
    await insist(server, f"create database {name} template {template} strategy wal_log")
    return name


async def drop(server: str, name: str) -> None:
    """Drops a database. A vacuum that runs there belongs to the superuser, so its end has to be waited for."""
    await insist(server, f"drop database if exists {name} with (force)")


async def insist(server: str, statement: str) -> None:
    """Has a statement done that is refused while others are in its database: the server itself waits 5 s for their end."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while True:
        try:
            return await execute(server, statement)
        except (asyncpg.InsufficientPrivilegeError, asyncpg.ObjectInUseError):
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.2)


async def until_waited_for(holder: Connection) -> None:
    """Waits until another session waits for a lock that this one holds."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not await holder.fetchval(WAITED_FOR):
        assert asyncio.get_running_loop().time() < deadline, "nobody waits for what is locked"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def own_database(server: str, template: str) -> AsyncIterator[str]:
    """The address of a new database, dropped afterwards with whoever is still connected."""
    name = await create(server, template)
    try:
        yield at_database(server, name)
    finally:
        await drop(server, name)


async def execute(url: str, statement: str) -> None:
    """Runs one statement outside any transaction."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def at_database(url: str, name: str) -> str:
    """The same server and role, another database."""
    return make_url(url).set(database=name).render_as_string(hide_password=False)
