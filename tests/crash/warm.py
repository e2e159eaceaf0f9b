"""What every server of these tests begins with: Python, its libraries and compiled kernels. Imported once, by who forks them."""

import grpc_health.v1.health
import grpc_status.rpc_status

from driftline_core import kernels
from driftline_server import app

kernels.warm_up()

__all__ = ["app", "grpc_health", "grpc_status"]
