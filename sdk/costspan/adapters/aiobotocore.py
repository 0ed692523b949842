"""aiobotocore and aioboto3: Amazon Bedrock and SageMaker endpoints."""

from costspan.adapters._adapter import Adapter, Target
from costspan.adapters._botocore import AWS, ENDPOINTS

AIOBOTOCORE = Adapter(
    name="aiobotocore",
    distribution="aiobotocore",
    targets=(Target("aiobotocore.client", "AioBaseClient._make_api_call", is_async=True),),
    call=AWS,
    endpoints=ENDPOINTS,
    provider="aws.bedrock",
)
