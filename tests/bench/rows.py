"""All rows, in the table's order. A new module of rows is added here and nowhere else."""

from tests.bench import sweep  # noqa: F401, I001 - the order of these lines is the table's
from tests.bench import access  # noqa: F401
from tests.bench import sockets  # noqa: F401
from tests.bench import why  # noqa: F401
from tests.bench import home  # noqa: F401
from tests.bench import importing  # noqa: F401
from tests.bench import deliveries  # noqa: F401
from tests.bench import pressing  # noqa: F401
from tests.bench import feeds  # noqa: F401
from tests.bench import calendars  # noqa: F401
