"""For tests of hosts and of parts: fakes, a homeserver in memory, contracts, journeys and invariants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazily

if TYPE_CHECKING:
    from .contracts.accounts import AccountsContract as AccountsContract
    from .contracts.associations import AssociationStoreContract as AssociationStoreContract
    from .contracts.bindings import BindingStoreContract as BindingStoreContract
    from .contracts.callers import CallersContract as CallersContract
    from .contracts.fetch import SafeFetchContract as SafeFetchContract
    from .contracts.gate import GateContract as GateContract
    from .contracts.hosts import HostContract as HostContract
    from .contracts.identity import IdentityServerClientContract as IdentityServerClientContract
    from .contracts.invitation_clients import InvitationClientContract as InvitationClientContract
    from .contracts.invitations import InvitationStoreContract as InvitationStoreContract
    from .contracts.keeper import AccountKeeperContract as AccountKeeperContract
    from .contracts.limits import RateLimiterContract as RateLimiterContract
    from .contracts.logins import LoginStoreContract as LoginStoreContract
    from .contracts.messages import MessagesContract as MessagesContract
    from .contracts.pages import PagesContract as PagesContract
    from .contracts.providers import Arrived as Arrived
    from .contracts.providers import Behaviour as Behaviour
    from .contracts.requests import RequestVerifierContract as RequestVerifierContract
    from .contracts.reversals import ReversalStoreContract as ReversalStoreContract
    from .contracts.rooms import RoomsContract as RoomsContract
    from .contracts.senders import TokenSenderContract as TokenSenderContract
    from .contracts.sessions import SessionStoreContract as SessionStoreContract
    from .contracts.stages import StagedActions as StagedActions
    from .contracts.stages import StagesContract as StagesContract
    from .contracts.suppressions import SuppressionsContract as SuppressionsContract
    from .contracts.uia import UiaContract as UiaContract
    from .contracts.uia_sessions import UiaSessionStoreContract as UiaSessionStoreContract
    from .contracts.verifiers import RemoteVerifierContract as RemoteVerifierContract
    from .fake_accounts import PASSWORD as PASSWORD
    from .fake_accounts import FakeAccounts as FakeAccounts
    from .fake_accounts import FakeCallers as FakeCallers
    from .fake_accounts import FakeKeeper as FakeKeeper
    from .fake_accounts import FakeUia as FakeUia
    from .fakes import Events as Events
    from .fakes import FakeClock as FakeClock
    from .fakes import FakeGate as FakeGate
    from .fakes import FakeRooms as FakeRooms
    from .fakes import Outbox as Outbox
    from .fakes import Rules as Rules
    from .identity import FakeIdentityServers as FakeIdentityServers
    from .invariants import check_invariants as check_invariants
    from .journeys import JOURNEYS as JOURNEYS
    from .journeys import Visit as Visit
    from .journeys import open_surroundings as open_surroundings
    from .journeys import run as run
    from .journeys.contract import JourneyContract as JourneyContract
    from .journeys.journey import journey as journey
    from .journeys.visit import expect_same as expect_same
    from .leak.contract import LeakContract as LeakContract
    from .leak.find import find_leaks as find_leaks
    from .outages.contract import OutagesContract as OutagesContract
    from .outages.faults import PAIRS as PAIRS
    from .outages.faults import SINGLES as SINGLES
    from .outages.faults import Fault as Fault
    from .outages.faults import Part as Part
    from .outages.run import OutageFailed as OutageFailed
    from .outages.run import Outages as Outages
    from .parts import Answer as Answer
    from .parts import Certificates as Certificates
    from .parts import Failed as Failed
    from .parts import Mailbox as Mailbox
    from .parts import Message as Message
    from .parts import Person as Person
    from .parts import PersonSession as PersonSession
    from .parts import Phone as Phone
    from .parts import fetch as fetch
    from .parts import press as press
    from .parts.client import answered as answered
    from .rogue import RogueServer as RogueServer
    from .rogue import answer as answer
    from .rogue import authority as authority
    from .rogue import certified as certified
    from .rogue import drip as drip
    from .rogue import hang_up as hang_up
    from .rogue import silence as silence
    from .schedules.contract import SchedulesContract as SchedulesContract
    from .schedules.explore import ScheduleFailed as ScheduleFailed
    from .schedules.explore import check_schedule as check_schedule
    from .schedules.explore import explore as explore
    from .schedules.pairs import explore_pairs as explore_pairs
    from .schedules.schedule import Schedule as Schedule
    from .schedules.turns import turn as turn
    from .world import ALICE as ALICE
    from .world import BASE_URL as BASE_URL
    from .world import BOB as BOB
    from .world import GENEROUS as GENEROUS
    from .world import GENEROUS_SMS as GENEROUS_SMS
    from .world import World as World

_HOMES = {
    ".fake_accounts": (
        "FakeAccounts",
        "FakeCallers",
        "FakeKeeper",
        "FakeUia",
        "PASSWORD",
    ),
    ".fakes": (
        "Events",
        "FakeClock",
        "FakeGate",
        "FakeRooms",
        "Outbox",
        "Rules",
    ),
    ".identity": ("FakeIdentityServers",),
    ".invariants": ("check_invariants",),
    ".world": ("ALICE", "BASE_URL", "BOB", "GENEROUS", "GENEROUS_SMS", "World"),
    ".contracts.accounts": ("AccountsContract",),
    ".contracts.associations": ("AssociationStoreContract",),
    ".contracts.bindings": ("BindingStoreContract",),
    ".contracts.callers": ("CallersContract",),
    ".contracts.fetch": ("SafeFetchContract",),
    ".contracts.gate": ("GateContract",),
    ".contracts.hosts": ("HostContract",),
    ".contracts.identity": ("IdentityServerClientContract",),
    ".contracts.keeper": ("AccountKeeperContract",),
    ".contracts.limits": ("RateLimiterContract",),
    ".contracts.invitation_clients": ("InvitationClientContract",),
    ".contracts.invitations": ("InvitationStoreContract",),
    ".contracts.logins": ("LoginStoreContract",),
    ".contracts.messages": ("MessagesContract",),
    ".contracts.pages": ("PagesContract",),
    ".contracts.requests": ("RequestVerifierContract",),
    ".contracts.reversals": ("ReversalStoreContract",),
    ".contracts.rooms": ("RoomsContract",),
    ".contracts.senders": ("TokenSenderContract",),
    ".contracts.sessions": ("SessionStoreContract",),
    ".contracts.stages": ("StagedActions", "StagesContract"),
    ".contracts.suppressions": ("SuppressionsContract",),
    ".contracts.uia": ("UiaContract",),
    ".contracts.uia_sessions": ("UiaSessionStoreContract",),
    ".contracts.verifiers": ("RemoteVerifierContract",),
    ".contracts.providers": ("Arrived", "Behaviour"),
    ".journeys": ("JOURNEYS", "Visit", "open_surroundings", "run"),
    ".journeys.contract": ("JourneyContract",),
    ".journeys.journey": ("journey",),
    ".journeys.visit": ("expect_same",),
    ".leak.contract": ("LeakContract",),
    ".leak.find": ("find_leaks",),
    ".outages.contract": ("OutagesContract",),
    ".outages.faults": ("Fault", "PAIRS", "Part", "SINGLES"),
    ".outages.run": ("OutageFailed", "Outages"),
    ".parts": (
        "Answer",
        "Certificates",
        "Failed",
        "Mailbox",
        "Message",
        "Person",
        "PersonSession",
        "Phone",
        "fetch",
        "press",
    ),
    ".parts.client": ("answered",),
    ".schedules.contract": ("SchedulesContract",),
    ".schedules.explore": ("ScheduleFailed", "check_schedule", "explore"),
    ".schedules.pairs": ("explore_pairs",),
    ".schedules.schedule": ("Schedule",),
    ".schedules.turns": ("turn",),
    ".rogue": ("RogueServer", "answer", "authority", "certified", "drip", "hang_up", "silence"),
}
__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
