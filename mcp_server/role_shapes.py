"""What `council db roles` tells: the roles, the login of each, and where its address is kept."""

from mcp_server.shapes import Shape


class RoleShape(Shape):
    """One role; `address_file` is null where no address was written, for it would bind nobody."""

    role: str
    may: str
    login: str | None
    address_file: str | None
    is_new: bool


class RolesShape(Shape):
    """The roles of one database, with the grants for one approval mode."""

    database: str
    approval_mode: str
    roles: tuple[RoleShape, ...]
    notices: tuple[str, ...]
    message: str
